"""Turn the alerts of one delivery into runs, so that repeating the delivery changes nothing.

1. An alert and a runbook make one workflow id, so however often the alert is delivered, one run is open.
2. A run remembers the episode (the alert's start) in its memo: once it has ended, further deliveries of the
   same episode, which Alertmanager repeats for hours, start nothing.
3. Repeated firing is not signalled to a run: a storm would fill its history. A resolved alert is, once, and
   so is one that fires again afterwards.
4. A runbook that has run too often for the alert, which is back, waits for a person (`flapping`).
5. Nothing here is remembered that a restart may not forget: Temporal is asked every time.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, TypeVar

from stanch.client.start import Sign, Start, run_id, run_url
from stanch.config import Config
from stanch.contract import AlertChanged, Trigger
from stanch.errors import EngineUnavailable, InvalidInput
from stanch.gateway.alerts.alert import Alert
from stanch.gateway.engine import Engine
from stanch.gateway.flapping import history
from stanch.gateway.routing import Match, Problem, concerned, route
from stanch.shelf import Shelf

State: TypeAlias = Literal["started", "running", "already_handled"]
_T = TypeVar("_T")

_AT_ONCE = 16
"""Alerts of one delivery that are worked on together."""
_REMEMBERED = 10_000
_LONGEST_SUMMARY = 500
_LONGEST_SERVICE = 100
"""Characters; a keyword of Temporal's visibility store holds 255."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A run that an alert stands for: `run` is the workflow's id, `execution` names its execution."""

    run: str
    execution: str
    url: str
    runbook: str
    fingerprint: str
    state: State


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one firing alert; all empty when no trigger wanted it."""

    touched: tuple[Touched, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery: `ignored` alerts fire and match no trigger."""

    runs: tuple[Touched, ...] = ()
    ignored: int = 0
    resolved: int = 0
    problems: tuple[Problem, ...] = ()


class Dispatcher:
    """Shared by all deliveries of a gateway."""

    def __init__(self, config: Config, engine: Engine, shelf: Shelf, sign: Sign) -> None:
        self._config = config
        self._engine = engine
        self._shelf = shelf
        self._sign = sign
        self._opening: dict[tuple[str, float], asyncio.Task[Touched]] = {}
        self._told: OrderedDict[tuple[str, str, str, float], None] = OrderedDict()

    async def deliver(self, alerts: Iterable[Alert]) -> Receipt:
        """Start, or find, the runs of `alerts`; done when Temporal has them. Raises EngineUnavailable, after
        which the same delivery may be repeated: what it has started is then found."""
        await self._shelf.refresh()
        # One delivery may name an alert twice; the last word counts.
        distinct = {alert.fingerprint: alert for alert in alerts}.values()
        firing = [alert for alert in distinct if alert.status == "firing"]
        resolved = [alert for alert in distinct if alert.status == "resolved"]
        outcomes = await _bounded(self._fire, firing)
        await _bounded(self._resolve, resolved)
        return Receipt(
            runs=tuple(touched for outcome in outcomes for touched in outcome.touched),
            ignored=sum(1 for outcome in outcomes if outcome == Outcome()),
            resolved=len(resolved),
            problems=tuple(problem for outcome in outcomes for problem in outcome.problems),
        )

    async def _fire(self, alert: Alert) -> Outcome:
        routed = route(alert, self._shelf.library.triggers)
        touched: list[Touched] = []
        problems = list(routed.problems)
        for match in routed.matches:
            try:
                touched.append(await self._open_once(alert, match))
            except InvalidInput as error:
                problems.append(Problem(match.plan.runbook, alert.fingerprint, str(error)))
        return Outcome(tuple(touched), tuple(problems))

    async def _open_once(self, alert: Alert, match: Match) -> Touched:
        """Deliveries of one alert that arrive together share one start. It goes on when a sender hangs up."""
        key = (run_id(match.plan.runbook, alert.fingerprint), alert.started)
        if (others := self._opening.get(key)) is not None:
            touched = await asyncio.shield(others)
            return replace(touched, state="running") if touched.state == "started" else touched
        opening = asyncio.create_task(self._open(alert, match))
        self._opening[key] = opening
        opening.add_done_callback(lambda task: self._opened(key, task))
        return await asyncio.shield(opening)

    def _opened(self, key: tuple[str, float], task: asyncio.Task[Touched]) -> None:
        del self._opening[key]
        # Whoever still waits gets the error; asking for it here keeps asyncio from reporting it again.
        if not task.cancelled():
            task.exception()

    async def _open(self, alert: Alert, match: Match) -> Touched:
        run = run_id(match.plan.runbook, alert.fingerprint)
        found = await self._engine.find(run)
        state: State = "started"
        if found and found.running:
            execution, state = found.id, "running"
            if alert.started > (found.episode or alert.started):
                # A newer episode than the run's: the alert had resolved, of which the run was told.
                await self._tell_once(run, found.id, alert, "firing", alert.started)
        elif found and found.episode == alert.started:
            execution, state = found.id, "already_handled"
        else:
            flaps = await history(self._engine, self._config.policy.flap, run, match.plan, time.time())
            start = replace(self._start(alert, match), flaps=flaps)
            execution = (await self._engine.start(start, self._sign)).execution
        url = run_url(self._config, run)
        return Touched(run, execution, url, match.plan.runbook, alert.fingerprint, state)

    def _start(self, alert: Alert, match: Match) -> Start:
        labels = alert.labels
        summary = alert.annotations.get("summary") or labels.get("alertname", "")
        return Start(
            plan=match.plan,
            key=alert.fingerprint,
            inputs=match.inputs,
            started_by=f"alert:{alert.source}",
            severity=self._config.policy.severity_of(labels.get("severity", "")),
            service=_line(labels.get("service", ""), _LONGEST_SERVICE),
            trigger=Trigger(
                source=alert.source,
                fingerprint=alert.fingerprint,
                summary=_line(summary, _LONGEST_SUMMARY),
                url=alert.url,
                started=alert.started,
            ),
        )

    async def _resolve(self, alert: Alert) -> None:
        for runbook in concerned(alert, self._shelf.library.triggers):
            run = run_id(runbook, alert.fingerprint)
            found = await self._engine.find(run)
            # An older episode's end, delivered late, says nothing about the one that is being handled.
            if found is None or not found.running or alert.started < (found.episode or 0.0):
                continue
            await self._tell_once(run, found.id, alert, "resolved", alert.ended)

    async def _tell_once(
        self, run: str, execution: str, alert: Alert, status: Literal["firing", "resolved"], at: float
    ) -> None:
        key = (run, execution, status, alert.started)
        if key in self._told:
            return
        self._told[key] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        try:
            await self._engine.tell(run, execution, AlertChanged(status, alert.fingerprint, at))
        except EngineUnavailable:
            # The sender will repeat, and then it has to be told.
            self._told.pop(key, None)
            raise


async def _bounded(work: Callable[[Alert], Awaitable[_T]], alerts: list[Alert]) -> list[_T]:
    """`work` on every alert, a few at a time, results in order; the first failure stops the others."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(alert: Alert) -> _T:
        async with limit:
            return await work(alert)

    tasks = [asyncio.create_task(one(alert)) for alert in alerts]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _line(text: str, longest: int) -> str:
    """Alert text as one short line without control characters."""
    kept = "".join(char if char.isprintable() else " " for char in text[: longest * 4])
    return " ".join(kept.split())[:longest]
