"""A program that a test starts and that ends with it, also when the test process is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from stanch.client import guard

_GRACE = 10.0
_Text = TypeVar("_Text", str, bytes)


@contextlib.contextmanager
def running(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`arguments` below a guard that ends it when our end of a pipe is closed, by us or by our death."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            end(process)


@contextlib.contextmanager
def ending(process: subprocess.Popen[_Text]) -> Iterator[subprocess.Popen[_Text]]:
    """`process`, killed if it still runs as the block is left; without that a test that fails would wait for
    a program that waits for the test."""
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def ending_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """`process`, which somebody else takes care of, is killed should this test process die meanwhile."""
    watch = ["/bin/sh", "-c", 'read -r _; kill -9 "$1"', "sh", str(process.pid)]
    with subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True) as watchdog:
        try:
            yield
        finally:
            # Before its pipe ends: the number may belong to another process by then.
            watchdog.kill()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that stops at the end of its stdin, and whatever it leaves in its session."""
    if process.stdin:
        # What it did not read is nobody's loss.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def program(*names: str) -> str:
    """The path of the first of these programs that is there."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise RuntimeError(f"the program `{names[0]}` is missing; `make system` installs it")
