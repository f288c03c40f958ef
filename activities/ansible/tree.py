"""End a process with everything below it.

Ansible's workers, and the `ssh` below them, lead sessions of their own, so no signal to a process group
reaches them. Every process is stopped first and killed last: one that is stopped starts no further ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def end_below(root: int) -> None:
    """Kill the descendants of `root`, which itself is left alone."""
    _kill(_stopped(root))


def end_tree(root: int) -> None:
    """Kill `root` and its descendants."""
    with suppress(ProcessLookupError):
        os.kill(root, signal.SIGSTOP)
    _kill([root, *_stopped(root)])


def _stopped(root: int) -> list[int]:
    known = {root}
    while fresh := [pid for pid, parent in _parents().items() if parent in known and pid not in known]:
        for pid in fresh:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
        known.update(fresh)
    return [pid for pid in known if pid != root]


def _kill(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _parents() -> dict[int, int]:
    """Process id to its parent's, for all processes."""
    if not _PROC.joinpath("self/stat").exists():
        listed = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        )
        return {int(pid): int(parent) for pid, parent in map(str.split, listed.stdout.splitlines())}
    found = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # `pid (name) state ppid`, and a name may have spaces and brackets.
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found
