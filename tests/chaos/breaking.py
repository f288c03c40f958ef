"""Carry out the faults of a schedule, and mend what they broke when their time is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.chaos.moments import Moments
from tests.chaos.processes import Program
from tests.chaos.schedule import HOSTS, Fault
from tests.chaos.site import Site
from tests.support.sshd import Host

_PATIENCE = 4.0
"""Seconds for which a fault waits for its moment."""


@dataclass(slots=True)
class Breaker:
    site: Site
    moments: Moments
    done: Counter[str] = field(default_factory=Counter)
    """How often each kind hit something."""
    missed: int = 0
    """What was to be broken was broken already, or was not there."""

    async def play(self, faults: Sequence[Fault]) -> None:
        """Returns when all of them are over, and everything runs again."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                await self.moments.until(fault.at)
                await self.moments.wait(fault.when, _PATIENCE)
                group.create_task(self._break(fault))
        self.site.revive()

    async def _break(self, fault: Fault) -> None:
        async with self._broken(fault) as hit:
            if hit:
                self.done[fault.kind] += 1
                self.moments.note(f"{fault.kind} {hit} for {fault.lasts:g} s")
                await asyncio.sleep(fault.lasts)
            else:
                self.missed += 1

    @asynccontextmanager
    async def _broken(self, fault: Fault) -> AsyncIterator[str]:
        """What it hit; empty when that was nothing. At the end all is well again."""
        site, kind = self.site, fault.kind
        one = [site.workers[fault.victim % len(site.workers)]]
        match kind:
            case "kill_worker" | "kill_workers" | "kill_gateway" | "kill_temporal":
                chosen = {
                    "kill_worker": one,
                    "kill_workers": site.workers,
                    "kill_gateway": [site.gateway],
                    "kill_temporal": [site.temporal],
                }[kind]
                killed = [each for each in chosen if each.kill()]
                yield _names(killed)
                for each in killed:
                    each.start()
            case "stop_worker" | "stop_gateway" | "stop_temporal":
                sleeper = {
                    "stop_worker": one[0],
                    "stop_gateway": site.gateway,
                    "stop_temporal": site.temporal,
                }[kind]
                slept = sleeper.suspend()
                yield sleeper.name if slept else ""
                if slept:
                    sleeper.resume()
            case "cut_host" | "freeze_host" | "close_host" | "fill_disk":
                host = self._free_host(fault.victim)
                if host is None:
                    yield ""
                    return
                async with self._host_broken(fault, host) as hit:
                    yield hit

    def _free_host(self, victim: int) -> Host | None:
        for offset in range(len(HOSTS)):
            host = self.site.host(victim + offset)
            if host.name not in self.site.away | self.site.full:
                return host
        return None

    @asynccontextmanager
    async def _host_broken(self, fault: Fault, host: Host) -> AsyncIterator[str]:
        site = self.site
        if fault.kind == "fill_disk":
            await asyncio.to_thread(site.fill_disk, host)
            yield host.name
            site.free_disk(host)
            return
        site.away.add(host.name)
        try:
            match fault.kind:
                case "cut_host":
                    yield host.name if await asyncio.to_thread(host.cut) else ""
                case "freeze_host":
                    frozen = await asyncio.to_thread(host.freeze)
                    yield host.name if frozen else ""
                    host.thaw(frozen)
                case _:
                    await asyncio.to_thread(host.stop)
                    yield host.name
                    await asyncio.to_thread(host.start)
        finally:
            site.away.discard(host.name)


async def keep_up(site: Site, moments: Moments) -> None:
    """Start again what ended by itself. Ends when it is cancelled."""
    while True:
        for name in site.revive():
            moments.note(f"{name} had ended by itself and was started again")
        await asyncio.sleep(0.5)


def _names(programs: Sequence[Program]) -> str:
    return ", ".join(program.name for program in programs)
