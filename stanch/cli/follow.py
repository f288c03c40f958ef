"""Follow a run while it goes on: new lines of its timeline, each question once, and the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from stanch.client import runs
from stanch.contract import Moment, Request, RunView
from stanch.errors import EngineUnavailable

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

EVERY = 0.25
SLOWEST = 2.0
PATIENCE = 60.0
"""Seconds without any answer, such as between two workers, after which following is given up."""
_LOOK_CLOSER = 10
"""Readings without news, after which it is asked whether the run was ended behind its workflow's back."""


class Watcher(Protocol):
    """Is told of everything once, in order; `idle` comes with every reading."""

    def moment(self, view: RunView, moment: Moment) -> None: ...
    def request(self, view: RunView, request: Request) -> None: ...
    def idle(self, view: RunView) -> None: ...
    def silent(self, reason: str) -> None: ...


@dataclass(slots=True)
class Told:
    """What the watcher has heard so far."""

    moments: int = 0
    requests: set[tuple[str, str]] = field(default_factory=set)


Answer: TypeAlias = Callable[[RunView, Request], Awaitable[None]]


async def follow(
    handle: WorkflowHandle[object, object], watcher: Watcher, answer: Answer | None = None
) -> RunView:
    """The run's last view, once it has ended. `answer` is given every question after the watcher was.

    Raises EngineUnavailable when nobody answers any more.
    """
    told = Told()
    pause, quiet = EVERY, 0
    heard = time.monotonic()
    while True:
        try:
            view = await runs.view(handle)
            if quiet % _LOOK_CLOSER == _LOOK_CLOSER - 1:
                view = await runs.settled(handle, view)
        except EngineUnavailable as error:
            if time.monotonic() - heard > PATIENCE:
                raise
            watcher.silent(str(error))
            await asyncio.sleep(SLOWEST)
            continue
        heard = time.monotonic()
        news, asked = tell(view, told, watcher)
        if view.outcome:
            return view
        if answer:
            for request in asked:
                await answer(view, request)
        quiet = 0 if news else quiet + 1
        pause = EVERY if news or not view.requests else min(pause * 1.5, SLOWEST)
        await asyncio.sleep(pause)


def tell(view: RunView, told: Told, watcher: Watcher) -> tuple[bool, list[Request]]:
    """Tell the watcher what is new in `view`: whether anything was, and the questions that were."""
    new = view.timeline[max(told.moments - view.earlier, 0) :]
    for moment in new:
        watcher.moment(view, moment)
    told.moments = view.earlier + len(view.timeline)
    asked = [one for one in view.requests if (one.id, one.digest) not in told.requests]
    for request in asked:
        watcher.request(view, request)
        told.requests.add((request.id, request.digest))
    watcher.idle(view)
    return bool(new or asked), asked
