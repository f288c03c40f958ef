"""A real HAProxy for tests: one backend, steered through its runtime API on a port of loopback.

with start_haproxy(tmp, "web", {"web1": "127.0.0.1:8001"}) as balancer:
    ... requests to balancer.url, orders to balancer.socket ...
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import running
from tests.support.sshd import unused_port
from tests.support.until import until

_PLACES = "/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin:/usr/bin"


@dataclass(frozen=True, slots=True)
class Balancer:
    backend: str
    port: int
    admin: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def socket(self) -> str:
        return f"tcp://127.0.0.1:{self.admin}"

    def status(self) -> dict[str, str]:
        """Server to what HAProxy makes of it: `UP`, `DRAIN`, `no check`. Empty while nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.admin), 10) as connection:
                connection.sendall(b"show stat\n")
                told = connection.makefile().read()
        except ConnectionError:
            return {}
        rows = [line.split(",") for line in told.splitlines()]
        column = rows[0].index("status")
        own = [row for row in rows if row[0] == self.backend and row[1] != "BACKEND"]
        return {row[1]: row[column] for row in own}


@contextmanager
def start_haproxy(
    folder: Path, backend: str, servers: Mapping[str, str], *, check: str = "", mode: str = "http"
) -> Iterator[Balancer]:
    """`servers`: name to `HOST:PORT`. `check` is the line that says how they are checked, if they are."""
    program = shutil.which("haproxy", path=_PLACES)
    assert program is not None, "the program `haproxy` is missing; `make system` installs it"
    balancer = Balancer(backend, unused_port(), unused_port())
    checked = " check inter 200ms" if check else ""
    lines = "".join(f"  server {name} {place} weight 100{checked}\n" for name, place in servers.items())
    (folder / "haproxy.cfg").write_text(
        f"global\n  stats socket ipv4@127.0.0.1:{balancer.admin} level admin\n"
        f"defaults\n  mode {mode}\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n"
        f"frontend all\n  bind 127.0.0.1:{balancer.port}\n  default_backend {backend}\n"
        f"backend {backend}\n  {check}\n{lines}"
    )
    with running([program, "-db", "-f", str(folder / "haproxy.cfg")], folder / "haproxy.log"):
        until(balancer.status, "HAProxy to listen")
        yield balancer
