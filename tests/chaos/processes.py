"""Programs that are killed, stopped and started again, and that all end should this process die."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.processes import bare_environment


@dataclass(slots=True)
class Program:
    """One program, which `group` ends. It may be started any number of times, one at a time."""

    name: str
    arguments: Sequence[str | Path]
    log: Path
    environment: Mapping[str, str]
    group: int
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    sleeping: bool = False
    down: bool = False
    """It is to stay away for now."""

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.log.parent,
                env=bare_environment(**self.environment),
                process_group=self.group,
            )
        self.starts += 1
        self.down = self.sleeping = False

    def kill(self) -> bool:
        """SIGKILL, for this process alone. False if it was not there."""
        self.down = True
        if self.process is None or self.process.poll() is not None:
            return False
        self.process.kill()
        self.process.wait()
        self.sleeping = False
        return True

    def suspend(self) -> bool:
        """SIGSTOP. False if it was not there, or slept already."""
        if self.sleeping or not self.runs():
            return False
        self._signal(signal.SIGSTOP)
        self.sleeping = True
        return True

    def resume(self) -> None:
        if self.sleeping and self.runs():
            self._signal(signal.SIGCONT)
        self.sleeping = False

    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)


@dataclass(slots=True)
class Programs:
    """Those of one pass, in a process group of their own."""

    group: int
    all: list[Program] = field(default_factory=list)

    def add(self, name: str, arguments: Sequence[str | Path], log: Path, **environment: str) -> Program:
        program = Program(name, arguments, log, environment, self.group)
        self.all.append(program)
        return program


@contextlib.contextmanager
def programs() -> Iterator[Programs]:
    """Whatever is added is killed at the end, or when this process dies."""
    # The leader kills its group, itself included, as soon as nobody holds the other end of its stdin.
    leader = subprocess.Popen(
        ["/bin/sh", "-c", "read -r _; kill -9 0"], stdin=subprocess.PIPE, process_group=0
    )
    with leader:
        found = Programs(leader.pid)
        try:
            yield found
        finally:
            for program in found.all:
                program.kill()
            leader.kill()
