"""What happens in a pass, as it happens: for faults that wait for it, and for who reads about a failure."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.schedule import Moment


@dataclass(slots=True)
class Moments:
    """`log` has a line for everything: seconds since the beginning, and what it was."""

    began: float = field(default_factory=time.monotonic)
    log: list[tuple[float, str]] = field(default_factory=list)
    _bells: dict[Moment, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    @property
    def now(self) -> float:
        return time.monotonic() - self.began

    def note(self, text: str, moment: Moment = "now") -> None:
        self.log.append((self.now, text))
        self.ring(moment)

    def ring(self, moment: Moment) -> None:
        """Whoever waits for it goes on; who comes later waits for the next one."""
        self._bells.pop(moment, asyncio.Event()).set()

    async def wait(self, moment: Moment, patience: float) -> None:
        """Until the next one of these, and for no more seconds than `patience`."""
        if moment == "now":
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._bells[moment].wait()

    async def until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self.now))

    async def watch(self, records: Path) -> None:
        """Ring `change` whenever a host begins one. Ends when it is cancelled."""
        read = dict.fromkeys(records.iterdir(), 0)
        while True:
            for file, before in read.items():
                with file.open("rb") as stream:
                    stream.seek(before)
                    new = stream.read()
                read[file] = before + len(new)
                if b" began " in new:
                    self.ring("change")
            await asyncio.sleep(0.03)
