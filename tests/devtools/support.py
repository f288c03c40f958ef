"""A client of the demo's hosts, and waiting without sleeping blindly."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paramiko

from devtools.demo.process import Demo


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    stdout: bytes
    stderr: bytes


def connect(demo: Demo, host: str, *, user: str | None = None, key: Path | None = None) -> paramiko.SSHClient:
    """Logs in as the written `ssh_config` says, with host keys from the written `known_hosts` only."""
    config = paramiko.SSHConfig.from_path(str(demo.ssh_config)).lookup(host)
    address = (config["hostname"], int(config["port"]))
    connection = socket.create_connection(address, timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client = paramiko.SSHClient()
    client.load_host_keys(config["userknownhostsfile"])
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.connect(
            *address,
            user or config["user"],
            key_filename=str(key or config["identityfile"][0]),
            allow_agent=False,
            look_for_keys=False,
            sock=connection,
        )
    except BaseException:
        client.close()
        connection.close()
        raise
    return client


def run(client: paramiko.SSHClient, command: str, stdin: bytes = b"") -> Outcome:
    """Runs one command to its end, with all three streams moving at once."""
    transport = client.get_transport()
    assert transport is not None
    with transport.open_session(timeout=10) as channel:
        channel.settimeout(30)
        channel.exec_command(command)

        def feed() -> None:
            # A command may end without having read everything.
            with contextlib.suppress(OSError):
                channel.sendall(stdin)
                channel.shutdown_write()

        feeding = threading.Thread(target=feed)
        errors: list[bytes] = []
        reading = threading.Thread(
            target=lambda: errors.extend(iter(lambda: channel.recv_stderr(65536), b""))
        )
        feeding.start()
        reading.start()
        output = b"".join(iter(lambda: channel.recv(65536), b""))
        reading.join()
        feeding.join()
        return Outcome(channel.recv_exit_status(), output, b"".join(errors))


def run_on(demo: Demo, host: str, command: str) -> Outcome:
    """One command on a connection of its own."""
    with connect(demo, host) as client:
        return run(client, command)


def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Waits for `condition`; fails when it does not hold after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {within} s"
        time.sleep(0.02)


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        pass
    if Path("/proc/self").exists():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
