"""One program from its start to its end, with a guard beside it that outlives a killed worker.

Whatever ends the wait for it closes a pipe, and that ends the program (`guard`): its time is over, the step
is cancelled, the worker dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from activities.action import Context
from activities.command.guard import GRACE
from activities.command.order import Order
from activities.output import Capture, last_line
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused

State: TypeAlias = Literal["not_started", "done", "stopped", "running", "unknown"]

_BESIDE = (sys.executable, "-I", "-S", Path(__file__).with_name("guard.py"))
_BEAT = 1.0
_PATIENCE = GRACE + 1.0
"""Seconds until a program that was told to stop must be over, however it takes it."""
_HELD_OPEN = 2.0
"""Seconds of waiting for the rest of the output when the program has ended: a daemon that it has left behind
may hold the streams open for ever."""


class _Stream(asyncio.Protocol):
    """What comes out of a pipe."""

    def __init__(self, limit: int) -> None:
        self.capture = Capture(limit)
        self.over = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.capture.add(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's protocol)
        self.over.set()

    async def end(self, seconds: float) -> bool:
        """Whether its end came within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.over.wait()
        return self.over.is_set()


@dataclass(frozen=True, slots=True)
class _Guarded:
    guard: subprocess.Popen[bytes]
    hold: BinaryIO
    """Whose end is the program's."""
    stdin: BinaryIO
    outputs: tuple[BinaryIO, ...]
    """stdout, stderr, and what the guard says."""


class Execution:
    """One program. `limits`: bytes of stdout and stderr to keep."""

    def __init__(self, order: Order, limits: tuple[int, int]) -> None:
        self.order = order
        self.state: State = "not_started"
        self.code: int | None = None
        """With the state `done`: its exit status, or minus the number of the signal that ended it."""
        self.complete = False
        """Its output was read to the end."""
        self.seconds = 0.0
        self._streams = [_Stream(limit) for limit in (*limits, 64)]

    @property
    def stdout(self) -> Capture:
        return self._streams[0].capture

    @property
    def stderr(self) -> Capture:
        return self._streams[1].capture

    @property
    def end(self) -> TargetEnd:
        """How it ended, as far as that is known."""
        said = last_line(self.stderr.text()) or last_line(self.stdout.text())
        return TargetEnd(self.order.name, self.state, output=said)

    async def run(self, context: Context) -> None:
        """Until it has ended, by itself or because `context.timeout` is over or the task was cancelled.

        Raises ActionRefused when nothing was executed.
        """
        began = time.monotonic()
        status = self._streams[2]
        with ExitStack() as ours:
            started = self._start(ours)
            self.state = "unknown"
            try:
                await self._listen(ours, started)
                await self._wait(began, context)
            finally:
                stopped = not status.over.is_set()
                self.seconds = time.monotonic() - began
                started.hold.close()
                if over := await status.end(_PATIENCE):
                    started.guard.wait()  # it has closed its end of the pipe by ending
                self._settle(status.capture.text().split(), stopped=stopped, over=over)
            ends = await asyncio.gather(*(stream.end(_HELD_OPEN) for stream in self._streams[:2]))
            self.complete = all(ends)

    def _start(self, ours: ExitStack) -> _Guarded:
        order = self.order
        with ExitStack() as theirs:
            control, hold = _pipe(theirs, ours)
            fed, stdin = _pipe(theirs, ours)
            pairs = [_pipe(ours, theirs) for _ in self._streams]
            stdout, stderr, status = (far for _, far in pairs)
            passed = (control.fileno(), status.fileno())
            try:
                guard = subprocess.Popen(
                    [*_BESIDE, *map(str, passed), " ".join(order.env), order.program, *order.argv],
                    stdin=fed,
                    stdout=stdout,
                    stderr=stderr,
                    pass_fds=passed,
                    env=order.env,
                    cwd=order.directory,
                    start_new_session=True,
                )
            except OSError as error:
                raise self._refused(error.errno or 0) from None
        return _Guarded(guard, hold, stdin, tuple(near for near, _ in pairs))

    async def _listen(self, ours: ExitStack, started: _Guarded) -> None:
        loop = asyncio.get_running_loop()
        for stream, pipe in zip(self._streams, started.outputs, strict=True):
            reading, _ = await loop.connect_read_pipe(lambda stream=stream: stream, pipe)  # type: ignore[misc]
            ours.callback(reading.close)
        feeding = _Stream(0)
        writing, _ = await loop.connect_write_pipe(lambda: feeding, started.stdin)
        writing.write(self.order.stdin)
        writing.write_eof()
        # A program may end without having read it all.
        ours.callback(lambda: None if feeding.over.is_set() else writing.abort())

    async def _wait(self, began: float, context: Context) -> None:
        while (left := began + context.timeout - time.monotonic()) > 0:
            if await self._streams[2].end(min(_BEAT, left)):
                return
            context.beat(f"`{self.order.name}` runs for {time.monotonic() - began:.0f}s")
            context.so_far((self.end,), None)

    def _settle(self, said: list[str], *, stopped: bool, over: bool) -> None:
        """`said` by the guard. Raises ActionRefused when the program could not be started."""
        match said:
            case ["refused", number, *_]:
                self.state = "not_started"
                raise self._refused(int(number))
            case ["ended", code]:
                self.state, self.code = ("stopped", None) if stopped else ("done", int(code))
            case _ if not over:
                self.state = "running"

    def _refused(self, number: int) -> ActionRefused:
        why = os.strerror(number)
        return ActionRefused(f"nothing was executed: `{self.order.program}` could not be started: {why}")


def _pipe(readers: ExitStack, writers: ExitStack) -> tuple[BinaryIO, BinaryIO]:
    """The end that is read and the one that is written, each closed with its stack."""
    read, write = os.pipe()
    return (
        readers.enter_context(os.fdopen(read, "rb", buffering=0)),
        writers.enter_context(os.fdopen(write, "wb", buffering=0)),
    )
