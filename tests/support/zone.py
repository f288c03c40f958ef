"""A network of its own with a host that nobody else reaches, and a program in it, such as a zone's worker.

The network is a network namespace: its own loopback and nothing else. Its one way out is a socket file that
leads to one port outside, as a firewall would leave it. In there the host answers at `http://127.0.0.1:PORT/`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.project.checkout import ROOT
from tests.support.process import end

# Who is not root may make a network in a user namespace, and stays who they are.
_OF_A_USER = ("--user", "--map-current-user", "--keep-caps")
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
"""Requests to network devices, and the flag of one that is up (linux/sockios.h, linux/if.h)."""


@contextlib.contextmanager
def in_zone(
    command: Sequence[str], *, out: int, host: int, log: Path, env: Mapping[str, str], cwd: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`command` in a network with `out`, a port of this machine, and with a host at the port `host`."""
    alone = ["unshare", "--net", *(() if os.geteuid() == 0 else _OF_A_USER)]
    with (
        tempfile.TemporaryDirectory(prefix="stanch-zone-") as folder,
        socket.socket(socket.AF_UNIX) as way,
        log.open("ab") as output,
    ):
        path = f"{folder}/way-out"
        way.bind(path)
        way.listen()
        _relay(way, lambda: socket.create_connection(("127.0.0.1", out)))
        with subprocess.Popen(
            [*alone, sys.executable, "-m", "tests.support.zone", path, str(out), str(host), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**env, "PYTHONPATH": str(ROOT)},
            cwd=cwd,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                end(process)


def main(way: str, out: str, host: str, *command: str) -> int:
    """What runs in the network, round `command`."""
    _up("lo")
    inner = socket.create_server(("127.0.0.1", int(out)))

    def connect() -> socket.socket:
        outer = socket.socket(socket.AF_UNIX)
        outer.connect(way)
        return outer

    _relay(inner, connect)
    server = ThreadingHTTPServer(("127.0.0.1", int(host)), _Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return subprocess.run(command, check=False).returncode


class _Host(BaseHTTPRequestHandler):
    """Says where it is."""

    def do_GET(self) -> None:
        body = b'{"where": "in the zone"}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _up(device: str) -> None:
    with socket.socket() as any_socket:
        request = struct.pack("16sh22x", device.encode(), 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _GET_FLAGS, request), 16)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", device.encode(), flags | _UP))


def _relay(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Until `listener` is closed, whoever connects to it speaks to what `connect` gives."""

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = listener.accept()
                threading.Thread(target=_join, args=(one, connect()), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def _join(one: socket.socket, other: socket.socket) -> None:
    """Carry both ways until neither side says anything any more."""
    with one, other:
        back = threading.Thread(target=_carry, args=(other, one), daemon=True)
        back.start()
        _carry(one, other)
        back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while some := source.recv(65536):
            target.sendall(some)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
