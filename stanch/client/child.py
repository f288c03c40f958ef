"""A program that this process starts, listens to, and takes away again.

1. It has a session of its own: Ctrl-C at the terminal reaches only us, and its helpers die with it.
2. Its stdin is a pipe that we hold: when we die, however we die, the child reads its end and stops.
3. What it says goes to a log file and, the last lines, to memory; a full disk costs the file only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stanch.errors import Unreachable

GRACE = 10.0
"""Seconds between the request to end and the kill."""
_LAST_LINES = 20
_LONGEST_LINE = 1 << 20
_CONTROL = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Command:
    """What to start. `name` is for people; `cwd` None is ours."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    cwd: Path | None = None


class Child:
    """Made by `start`; `first_line` is the first line of its stdout."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process, log: BinaryIO | None) -> None:
        self.name = command.name
        self.log = command.log
        self.first_line: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._process = process
        self._log = log
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._readers = [
            asyncio.create_task(self._read(process.stdout, is_stdout=True)),
            asyncio.create_task(self._read(process.stderr, is_stdout=False)),
        ]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def wait(self) -> int:
        """Its exit status, once it has ended and all it said has been read."""
        status = await self._process.wait()
        # A helper that it left behind may hold the pipes open.
        await asyncio.wait(self._readers, timeout=1.0)
        return status

    def epitaph(self) -> str:
        """How it ended, in one line, with the last thing it said."""
        status = self._process.returncode
        how = f"was killed by signal {-status}" if status and status < 0 else f"ended with status {status}"
        said = self._last[-1] if self._last else "it said nothing"
        return f"{self.name} {how}: {said} (log: {self.log})"

    def last_lines(self) -> list[str]:
        return list(self._last)

    async def stop(self, grace: float = GRACE) -> None:
        """End it and everything in its session's process group; returns when it is gone."""
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.close()
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), grace)
        self.kill()
        await self.wait()
        for reader in self._readers:
            reader.cancel()
        if self._log:
            self._log.close()
            self._log = None

    def kill(self) -> None:
        """At once, and its helpers too: some of them may have outlived it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _read(self, stream: asyncio.StreamReader | None, *, is_stdout: bool) -> None:
        assert stream is not None
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                # Longer than any line has a right to be.
                continue
            if not line:
                break
            self._keep(line)
            if is_stdout and not self.first_line.done():
                self.first_line.set_result(line.decode(errors="replace").strip())

    def _keep(self, line: bytes) -> None:
        text = _CONTROL.sub(b"", line).decode(errors="replace").strip()
        if text:
            self._last.append(text[:500])
        if self._log:
            try:
                self._log.write(line)
            except OSError:
                # The disk is full; the child goes on, and so do we.
                self._log.close()
                self._log = None


async def start(command: Command) -> Child:
    """Start it. Raises Unreachable when it cannot be executed."""
    with contextlib.suppress(OSError):
        command.log.parent.mkdir(parents=True, exist_ok=True)
    try:
        log: BinaryIO | None = command.log.open("wb", buffering=0)
    except OSError:
        log = None
    try:
        process = await asyncio.create_subprocess_exec(
            *command.arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=command.environment,
            cwd=command.cwd,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
    except OSError as error:
        if log:
            log.close()
        raise Unreachable(
            f"cannot start {command.name} (`{command.arguments[0]}`): {error.strerror or error}"
        ) from error
    return Child(command, process, log)
