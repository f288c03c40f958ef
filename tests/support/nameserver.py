"""A real nameserver for tests: BIND with one zone that may be changed with a key.

with start_nameserver({"www": "A 192.0.2.1"}) as server:
    ... dns://127.0.0.1:{server.port}, zone `example.test` ...
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.support.sshd import account, identity, unused_port

ZONE = "example.test"
KEY_NAME = "stanch-key"
KEY = "c3RhbmNoLXRlc3Qta2V5LW5vdC1hLXNlY3JldC1hdC1hbGw="
_PROGRAM = shutil.which(
    "named", path="/usr/sbin:/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin:/usr/bin"
)


@dataclass(frozen=True, slots=True)
class Nameserver:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"dns://127.0.0.1:{self.port}"


@contextmanager
def start_nameserver(records: Mapping[str, str]) -> Iterator[Nameserver]:
    """`records`: name in the zone to type and value."""
    assert _PROGRAM is not None, "the program `named` is missing; `make system` installs it"
    user, port = account(), unused_port()
    folder = Path(tempfile.mkdtemp(prefix="stanch-dns-"))
    lines = [f"{name} {record}" for name, record in records.items()]
    (folder / "zone").write_text(
        "$TTL 300\n@ SOA ns.example.test. admin.example.test. 1 3600 600 86400 60\n"
        "@ NS ns\nns A 127.0.0.1\n" + "\n".join(lines) + "\n"
    )
    (folder / "named.conf").write_text(
        f'key "{KEY_NAME}" {{ algorithm hmac-sha256; secret "{KEY}"; }};\n'
        f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }};\n'
        "  listen-on-v6 { none; }; recursion no; dnssec-validation no;\n"
        "  pid-file none; session-keyfile none; };\n"
        "controls { };\n"
        f'zone "{ZONE}" {{ type primary; file "zone"; allow-update {{ key "{KEY_NAME}"; }}; }};\n'
    )
    folder.chmod(0o755)
    if identity(user):
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user, identity(user)["group"])
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [_PROGRAM, "-g", "-n", "1", "-c", str(folder / "named.conf")],
            cwd=folder, stdout=stream, stderr=stream, **identity(user),
        )  # fmt: skip
    try:
        _wait(port, process, log)
        yield Nameserver(port, process)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, f"named ended at once:\n{log.read_text()}"
        try:
            if dns.query.tcp(dns.message.make_query(ZONE, "SOA"), "127.0.0.1", timeout=1, port=port).answer:
                return
        except (dns.exception.DNSException, OSError, EOFError):
            time.sleep(0.02)
    raise AssertionError(f"named does not answer:\n{log.read_text()}")
