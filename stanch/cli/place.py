"""What `stanch up` needs of this machine before it starts anything: a folder of its own, and free ports."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from stanch.config import CHECKOUT
from stanch.errors import Unreachable

LOOPBACK = "127.0.0.1"
ROOM = 64 << 20
"""Bytes that have to be free: an embedded server that runs out of disk loses runs."""


def find_checkout() -> Path:
    """The folder with `worker.py`: `STANCH_HOME`, else the one this package lies in. Raises Unreachable."""
    named = os.environ.get("STANCH_HOME")
    home = Path(named).expanduser().absolute() if named else CHECKOUT
    if (home / "worker.py").is_file():
        return home
    where = f"STANCH_HOME names `{named}`, and it has none" if named else f"not in `{home}`"
    raise Unreachable(f"cannot find worker.py ({where}); name the checkout of Stanch with STANCH_HOME")


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Make the folder if need be and hold it, so that two never share one. Raises Unreachable."""
    folder = folder.absolute()
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Unbuffered: what a full disk did not take would fail once more when the file is closed.
        lock = (folder / "lock").open("a+b", buffering=0)
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read(20).decode("ascii", "replace").strip() or "unknown"
            raise Unreachable(
                f"`stanch up` already runs on `{folder}` (process {holder}); stop it, "
                "or choose another folder with `--state`"
            ) from error
        with _explained(folder):
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n".encode())
            free = shutil.disk_usage(folder).free
            if free < ROOM:
                needed = f"only {free >> 20} MiB are free, {ROOM >> 20} are needed"
                raise OSError(errno.ENOSPC, needed)
        yield folder


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreachable(
            f"cannot keep state in `{folder}`: {error.strerror}; choose another folder with `--state`"
        ) from error


def free_ports(wanted: Sequence[tuple[str, int]]) -> list[int]:
    """Ports that can be had on loopback, for (option, port); port 0 is any free one.

    Raises Unreachable with the option of every port that is taken, also by another of these options.
    """
    problems = []
    with contextlib.ExitStack() as held:
        found: list[int] = []
        for option, port in wanted:
            try:
                probe = held.enter_context(socket.create_server((LOOPBACK, port)))
            except OSError as error:
                why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
                problems.append(f"port {port} {why} on {LOOPBACK}, choose another with `{option}`")
            else:
                found.append(probe.getsockname()[1])
    if problems:
        raise Unreachable("; ".join(problems))
    return found
