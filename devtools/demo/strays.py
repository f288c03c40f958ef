"""Commands that outlived their connection: found by a mark in their environment, and ended.

A command may put itself into a session of its own, as a daemon does, and is then in no process group
that the SSH server knows. The mark is inherited by everything that a command starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")
_GRACE: Final = 0.3
MARK: Final = "STANCH_DEMO_SERVER"


def mark() -> dict[str, str]:
    """The environment that a command of this process carries. Unlike a process id it never repeats."""
    return {MARK: f"{os.getpid()}.{time.time_ns()}"}


def end_marked(environment: dict[str, str]) -> int:
    """Ends every process that carries the mark, asked first and then killed; returns how many there were.

    Where there is no /proc (macOS) none is found.
    """
    found = _marked(environment)
    _signal(found, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    while (left := _marked(environment)) and time.monotonic() < deadline:
        time.sleep(0.02)
    _signal(left, signal.SIGKILL)
    return len(found)


def _marked(environment: dict[str, str]) -> list[int]:
    wanted = f"{MARK}={environment[MARK]}".encode()
    found: list[int] = []
    for path in _PROCESSES.glob("[0-9]*/environ"):
        # Gone in the meantime, or another user's.
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _signal(processes: list[int], signal_number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal_number)
