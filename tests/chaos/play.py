"""One pass: start everything, deliver and break by the schedule, let it come to rest, look at the truth."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from temporalio.client import Client
from temporalio.service import RPCError

from stanch.client.payloads import data_converter
from tests.chaos import record
from tests.chaos.audit import Story, check
from tests.chaos.breaking import Breaker, keep_up
from tests.chaos.moments import Moments
from tests.chaos.people import People, named
from tests.chaos.schedule import Schedule, Size, draw
from tests.chaos.senders import Senders
from tests.chaos.site import Site, start_site

_PATIENCE = 60.0
SETTLING = 240.0
"""Seconds after the last fault within which every run has ended or asks somebody. The longest wait of all is
that of a change in doubt: three attempts, each given up after the heartbeat time-out, then the check."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass was, and what came of it."""

    schedule: Schedule
    stories: tuple[Story, ...]
    faults: Counter[str]
    missed: int
    said: Counter[str]
    doubts: Counter[str]
    deliveries: int
    accepted: int
    left: int
    """Markers that are still on the hosts."""
    seconds: float
    log: tuple[tuple[float, str], ...]

    @property
    def wrong(self) -> dict[str, list[str]]:
        """Run to what is wrong with it."""
        found = {story.case.run: check(story) for story in self.stories}
        return {run: texts for run, texts in found.items() if texts}

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(_outcome(story) for story in self.stories)


def _outcome(story: Story) -> str:
    if story.view is None:
        return "unknown"
    return story.view.outcome or "waits for a person"


async def play(folder: Path, seed: int, size: Size) -> Pass:
    """Raises TimeoutError when the processes cannot be started. Needs the programs of `make system`."""
    schedule = draw(seed, size)
    with start_site(folder, workers=size.workers) as site:
        client = await _connected(site)
        await _ready(site)
        moments = Moments()
        senders = Senders(site.url, moments)
        breaker = Breaker(site, moments)
        people = People(site, client, {case.run: case for case in schedule.cases}, moments)
        async with (
            _meanwhile(keep_up(site, moments)),
            _meanwhile(moments.watch(site.records)),
            _meanwhile(people.work()),
        ):
            async with asyncio.TaskGroup() as group:
                group.create_task(breaker.play(schedule.faults))
                for case in schedule.cases:
                    group.create_task(senders.send(case))
            await _at_rest(people, moments)
            stories = [await _story(site, people, senders, number) for number in range(len(schedule.cases))]
        return Pass(
            schedule=schedule,
            stories=tuple(stories),
            faults=breaker.done,
            missed=breaker.missed,
            said=people.said,
            doubts=people.doubts,
            deliveries=senders.sent,
            accepted=sum(senders.accepted.values()),
            left=site.left_behind(),
            seconds=moments.now,
            log=tuple(moments.log),
        )


@contextlib.asynccontextmanager
async def _meanwhile(work: object) -> AsyncIterator[None]:
    """`work` goes on until the end, and its failure is ours."""
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    try:
        yield
    finally:
        if task.done():
            task.result()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _connected(site: Site) -> Client:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await Client.connect(site.address, data_converter=data_converter)
            except RuntimeError:
                await asyncio.sleep(0.1)


async def _ready(site: Site) -> None:
    """The gateway takes alerts. Raises RuntimeError with the ends of the logs when it never does."""
    try:
        async with httpx.AsyncClient() as http, asyncio.timeout(_PATIENCE):
            while True:
                site.revive()  # a worker that came before Temporal's namespace was there
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{site.url}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.2)
    except TimeoutError:
        ends = [f"{each.name}: {each.log.read_text()[-1500:]}" for each in site.programs]
        raise RuntimeError("the site does not get ready\n" + "\n".join(ends)) from None


async def _at_rest(people: People, moments: Moments) -> None:
    """Every run has ended, or waits for a person who does not answer."""
    deadline = moments.now + SETTLING
    while moments.now < deadline:
        going_on = await people.open()
        if going_on is not None and all(map(people.is_ignored, going_on)):
            views = [await people.view(run) for run in going_on]
            if all(view is not None and named(view.requests) for view in views):
                return
        await asyncio.sleep(1.0)


async def _story(site: Site, people: People, senders: Senders, number: int) -> Story:
    case = list(people.cases.values())[number]
    turns = tuple(turn for turn in record.read(site.records) if turn.run == case.run)
    query = f'WorkflowId = "{case.run}"'
    executions = [each async for each in people.client.list_workflows(query)]
    view = None
    for _ in range(3):
        with contextlib.suppress(RPCError):
            view = view or await people.view(case.run)
    return Story(case, case.fingerprint in senders.accepted, len(executions), view, turns)
