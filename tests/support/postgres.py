"""A real PostgreSQL for tests: a cluster of its own on loopback, as an ordinary user.

with start_postgres() as postgres:
    ... psycopg.connect(postgres.url()) ...
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.sshd import account, identity, unused_port

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Postgres:
    port: int
    folder: Path

    def url(self, database: str = "postgres") -> str:
        """Without a user and a password: `postgres` and `PASSWORD`."""
        return f"postgresql://127.0.0.1:{self.port}/{database}"


@contextmanager
def start_postgres(*, settings: str = "") -> Iterator[Postgres]:
    """A running server, empty but for the database `postgres`. `settings` are lines of its configuration."""
    user = account()
    folder = Path(tempfile.mkdtemp(prefix="stanch-pg-"))
    folder.chmod(0o755)
    data, port = folder / "data", unused_port()
    data.mkdir(mode=0o700)
    (folder / "password").write_text(PASSWORD)
    if identity(user):
        shutil.chown(data, user, identity(user)["group"])
    command = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"]
    _run([program("initdb"), f"--pgdata={data}", *command], user)
    with (data / "postgresql.conf").open("a") as file:
        file.write(
            f"listen_addresses='127.0.0.1'\nport={port}\nunix_socket_directories=''\nfsync=off\n{settings}"
        )
    log = data / "log"
    try:
        _run([program("pg_ctl"), f"--pgdata={data}", f"--log={log}", "--wait", "start"], user)
        yield Postgres(port, folder)
    finally:
        _run([program("pg_ctl"), f"--pgdata={data}", "--mode=immediate", "stop"], user, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> str:
    """A program of the newest PostgreSQL; Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    assert path is not None, f"the program `{name}` is missing; `make system` installs it"
    return path


def _run(command: list[str], user: str, *, check: bool = True) -> None:
    subprocess.run(
        command,
        cwd="/",
        check=check,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=60,
        **identity(user),
    )
