"""The action itself: start the job, follow its run, and end it when nobody waits for it any more.

A run that has the mark of its execution in an input is found again if the worker is lost, or the answer to
its start. One that is not found may still begin, so it is never started a second time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, TypeVar
from uuid import uuid4

from activities.action import Context
from activities.http import text
from activities.marks import mark_of
from activities.pipeline.github import GitHubActions
from activities.pipeline.gitlab import MARK, GitLabPipelines
from activities.pipeline.rundeck import Rundeck
from activities.pipeline.runner import Order, Run, Runner
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

KINDS = ("github", "gitlab", "rundeck")
_PLACES = {"github": "https://api.github.com", "gitlab": "https://gitlab.com"}
_ANSWER = 30.0
"""Seconds for one answer at most."""
_SETTLING = 15.0
"""Seconds until a run that was started is surely listed."""
_FIRST, _LONGEST = 1.0, 10.0
"""Seconds between two looks: the pause grows from the one to the other."""
_PATIENCE = 4.0
"""Seconds that a run gets to end once it was cancelled."""

T = TypeVar("T")
State: TypeAlias = Literal["stopped", "done"]


@dataclass(slots=True)
class _Work:
    """One call, and the run that it is about once that is known."""

    system: str
    runner: Runner
    order: Order
    context: Context
    began: float
    sent: bool = False
    run: Run | None = None

    @property
    def until(self) -> float:
        return self.began + self.context.timeout


class Pipeline:
    """`pipeline` as an action. Close it when the worker ends."""

    name = "pipeline"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, result: Json) -> str | None:
        if result["status"] not in ("failed", "cancelled"):
            return None
        place = f": {result['url']}" if result["url"] else ""
        return f"run {result['id']} ended as `{result['conclusion']}`{place}"

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`id url status conclusion ok seconds`. When the task is cancelled, or after `context.timeout`, the
        run is cancelled, unless another attempt will find it."""
        work = await self._work(params, context)
        follow = params.get("follow", True)
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + context.timeout):
                run = await (_found(work) if context.again else _started(work, follow=follow))
                if run is not None and follow:
                    run = await _followed(work, run)
        except TimeoutError:
            raise await _given_up(work) from None
        except asyncio.CancelledError:
            if not (work.order.marked and await context.leave()):
                context.ended((await _end(work),))
            raise
        return _result(work, run)

    # --- found again by another attempt -------------------------------------------------------------------

    def reattaches(self, params: Mapping[str, Json]) -> bool:
        if "mark" in params:
            return True
        try:
            name = self._systems.named(params.get("system"), KINDS)
        except InvalidInput:
            return False  # it is refused before anything is sent
        return self._systems.kind(name) == "gitlab"

    async def begun(self, params: Mapping[str, Json], context: Context) -> bool:
        """True in any case: what is not listed may only be late, and `perform` says what it means."""
        work = await self._work(params, context)
        try:
            await _asked(work, work.runner.find())
        except ActionRefused as error:
            raise OutcomeUnknown(f"an earlier attempt may have started it: {error}") from None
        return True

    async def release(self, _: Mapping[str, Json], __: Context) -> None:
        """The system keeps its runs."""

    async def _work(self, params: Mapping[str, Json], context: Context) -> _Work:
        system = self._systems.named(params.get("system"), KINDS)
        settings = await self._systems.find(system, KINDS, context)
        kind = settings["kind"]
        place = {**settings, "url": settings.get("url", _PLACES.get(kind, ""))}
        needed = {"github": "project", "rundeck": "url"}.get(kind)
        if needed is not None and not settings.get(needed):
            raise InvalidInput(f"the system `{system}` is a `{kind}` and needs a `{needed}`")
        name = params.get("mark", MARK if kind == "gitlab" else None)
        mark = mark_of(context.key) or uuid4().hex
        inputs = {each: text(value) for each, value in params.get("inputs", {}).items()}
        if name is not None and name in inputs:
            raise InvalidInput(f"the input `{name}` takes the mark of the step, and `inputs` has it too")
        marked = {name: mark} if name is not None else {}
        order = Order(params["job"], params.get("ref", ""), {**inputs, **marked}, mark, bool(marked))
        runner = _runner(
            order, self._web, system, place, replace(context, timeout=min(context.timeout, _ANSWER))
        )
        return _Work(system, runner, order, context, time.monotonic())


def _runner(order: Order, web: Web, system: str, place: Mapping[str, Json], context: Context) -> Runner:
    if place["kind"] == "github":
        return GitHubActions(Api(web, system, place, context), place["project"], order)
    if place["kind"] == "gitlab":
        return GitLabPipelines(Api(web, system, place, context), order)
    token = {"x-rundeck-auth-token": place["token"]} if "token" in place else {}
    bare = {name: held for name, held in place.items() if name != "token"}
    return Rundeck(Api(web, system, bare, context, headers=token), order)


async def _asked(work: _Work, asking: Awaitable[T]) -> T:
    """Its answer. Raises OutcomeUnknown for one that is of another API."""
    try:
        return await asking
    except (KeyError, TypeError, AttributeError):
        raise OutcomeUnknown(f"`{work.system}` did not answer as its API does; check its `url`") from None


async def _started(work: _Work, *, follow: bool) -> Run | None:
    """The run that was just started; None where nobody wants to know which it is and it is not told."""
    work.context.beat(f"starting `{work.order.job}` in `{work.system}`")
    work.sent = True
    try:
        work.run = await _asked(work, work.runner.start())
    except (Unreachable, ActionRefused, InvalidInput):
        work.sent = False
        raise
    except OutcomeUnknown:
        if not work.order.marked:
            raise
        return await _found(work)
    if work.run is not None or not follow:
        return work.run
    if work.order.marked:
        return await _found(work)
    raise OutcomeUnknown(
        f"`{work.order.job}` was started, and `{work.system}` does not tell which run that is; look there, "
        "and give the step a `mark`, an input that `run-name` of the workflow shows"
    )


async def _found(work: _Work) -> Run:
    """The run with the mark, as soon as it is listed. Raises OutcomeUnknown."""
    work.sent = True
    until, last = time.monotonic() + _SETTLING, "it is not listed"
    pause = _FIRST
    while True:
        work.context.beat(f"looking for the run of `{work.order.job}` in `{work.system}`")
        try:
            if (run := await _asked(work, work.runner.find())) is not None:
                work.run = run
                return run
        except Unreachable as error:
            # Nothing is settled by no answer, so that is waited for.
            last, until = str(error), work.until
        except ActionRefused as error:
            last, until = str(error), 0.0
        if time.monotonic() + pause > until:
            break
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)
    raise OutcomeUnknown(
        f"`{work.order.job}` may have been started in `{work.system}`, and no run with the mark "
        f"`{work.order.mark}` is found: {last}; look there"
    )


async def _followed(work: _Work, run: Run) -> Run:
    """How it ended. Raises OutcomeUnknown."""
    pause = _FIRST
    while run.status == "running":
        work.run = run
        work.context.beat(f"run {run.id} in `{work.system}`: {run.conclusion}")
        work.context.so_far((TargetEnd(work.system, "unknown", f"run {run}"),), None)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)
        try:
            run = await _asked(work, work.runner.get(run.id))
        except Unreachable as error:
            work.context.beat(f"run {run.id} in `{work.system}`: {error}")
        except ActionRefused as error:
            raise OutcomeUnknown(f"run {run} was started, but cannot be followed: {error}") from None
    work.run = run
    return run


async def _given_up(work: _Work) -> OutcomeUnknown:
    """What is said after the time-out, which ends the run."""
    end = await _end(work)
    if work.run is None:
        unanswered = f"`{work.system}` did not answer in time, and may have started `{work.order.job}`"
        return OutcomeUnknown(f"{unanswered}; look there", ends=(end,))
    still = f"run {work.run} was still running after {time.monotonic() - work.began:.0f}s"
    return OutcomeUnknown(f"{still}; {_CANCELLED[end.state]}", ends=(end,))


_CANCELLED = {
    "done": "it ended by itself just then",
    "stopped": "it was cancelled",
    "running": "it was told to stop and may still be running",
    "unknown": "it could not be cancelled",
}


async def _end(work: _Work) -> TargetEnd:
    """Cancel the run, as far as it is known, and tell what became of it."""
    if not work.sent:
        return TargetEnd(work.system, "not_started")
    told = False
    try:
        async with asyncio.timeout(_PATIENCE):
            if work.run is None and work.order.marked:
                work.run = await _asked(work, work.runner.find())
            if work.run is None:
                return TargetEnd(work.system, "unknown", "it may have been started; look there")
            if work.run.status == "running":
                await _asked(work, work.runner.cancel(work.run.id))
                told = True
            await _over(work, work.run)
    except (TimeoutError, Unreachable, ActionRefused, OutcomeUnknown) as error:
        return TargetEnd(
            work.system, "running" if told else "unknown", f"run {work.run}: {error}".rstrip(": ")
        )
    state: State = "stopped" if work.run.status == "cancelled" else "done"
    return TargetEnd(work.system, state, f"run {work.run} ended as `{work.run.conclusion}`")


async def _over(work: _Work, run: Run) -> None:
    """Look at `run`, which was told to end, until it has."""
    while run.status == "running":
        await asyncio.sleep(_FIRST / 4)
        run = work.run = await _asked(work, work.runner.get(run.id))


def _result(work: _Work, run: Run | None) -> Json:
    known = run if run is not None else Run("", "", "running", "")
    return {
        "id": known.id,
        "url": known.url,
        "status": known.status,
        "conclusion": known.conclusion,
        "ok": known.status == "succeeded",
        "seconds": round(time.monotonic() - work.began, 3),
    }
