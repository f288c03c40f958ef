"""The people: they answer what runs ask, twice, contradict themselves, and order runs back.

Who is asked about a doubt goes and looks: the host's own record decides what they say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import httpx
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from stanch.client import runs
from stanch.contract import SIGNAL_APPROVE, SIGNAL_DENY, Choice, Decision, Request, RunView
from stanch.errors import EngineUnavailable
from stanch.language.plan import Json
from tests.chaos import record
from tests.chaos.moments import Moments
from tests.chaos.schedule import Case
from tests.chaos.site import COMMANDER, Site

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

STRANGER = "mallory"
_PATIENCE = 15.0
_RETRIES = 5
"""So often is a step that failed tried again before its run is aborted."""


@dataclass(slots=True)
class People:
    site: Site
    client: Client
    cases: dict[str, Case]
    """By run."""
    moments: Moments
    said: Counter[str] = field(default_factory=Counter)
    """How often each thing was said, the second times too."""
    doubts: Counter[str] = field(default_factory=Counter)
    """What was answered to a run that did not know."""
    _retried: Counter[str] = field(default_factory=Counter)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _meddling: set[asyncio.Task[None]] = field(default_factory=set)

    async def work(self) -> None:
        """Answer whoever waits. Ends when it is cancelled."""
        async with httpx.AsyncClient(timeout=_PATIENCE, base_url=self.site.url) as http:
            while True:
                for run in await self.waiting():
                    if run in self.cases and (run not in self._busy or self._busy[run].done()):
                        self._busy[run] = asyncio.create_task(self._attend(http, self.cases[run]))
                for task in [task for task in self._busy.values() if task.done()]:
                    task.result()
                await asyncio.sleep(0.4)

    async def waiting(self) -> list[str]:
        """The runs that wait for somebody, as far as Temporal can tell now."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return [
                    line.run
                    for line in await runs.list_runs(self.client, open_only=True, limit=500)
                    if line.phase == "waiting"
                ]
        except (RPCError, TimeoutError):
            return []

    def is_ignored(self, run: str) -> bool:
        """Nobody will ever answer it."""
        return run in self.cases and self.cases[run].answer == "nothing"

    async def open(self) -> list[str] | None:
        """The runs that have not ended; None while Temporal does not say."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return [line.run for line in await runs.list_runs(self.client, open_only=True, limit=500)]
        except (RPCError, TimeoutError):
            return None

    async def view(self, run: str) -> RunView | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await runs.view(self._handle(run))
        except (EngineUnavailable, RPCError, TimeoutError):
            return None

    async def _attend(self, http: httpx.AsyncClient, case: Case) -> None:
        view = await self.view(case.run)
        for request in view.requests if view is not None else ():
            self.moments.ring("asked")
            await asyncio.sleep(case.thinking)
            if request.kind == "approval":
                await self._approve(http, case, request)
            else:
                await self._settle(http, case, request)

    # --- approvals ----------------------------------------------------------------------------------------

    async def _approve(self, http: httpx.AsyncClient, case: Case, request: Request) -> None:
        if case.answer not in ("approve", "deny"):
            return
        choice: Choice = "approve" if case.answer == "approve" else "deny"
        if case.twice == "contradicted":
            await self._signal(case, request, "approve", STRANGER)
        saying = [self._say(http, case, request, choice)]
        if case.twice == "together":
            saying.append(self._say(http, case, request, choice))
        if case.twice == "signal":
            saying.append(self._signal(case, request, choice, COMMANDER))
        heard, *_ = await asyncio.gather(*saying)
        # Who was never heard would not contradict themselves, but say something else.
        if case.twice == "contradicted" and heard:
            await self._signal(case, request, "deny" if choice == "approve" else "approve", COMMANDER)
        if case.meddling and not any(task.get_name() == case.run for task in self._meddling):
            self._meddling.add(asyncio.create_task(self._meddle(case), name=case.run))

    async def _meddle(self, case: Case) -> None:
        await asyncio.sleep(case.meddled)
        self.moments.note(f"{case.meddling} {case.run}")
        order = {"by": COMMANDER, "reason": "chaos"}
        if case.meddling == "cancel":
            await self._until_heard(self._handle(case.run).cancel)
            return
        async with httpx.AsyncClient(timeout=_PATIENCE, base_url=self.site.url) as http:
            if case.meddling == "abort":
                await self._post(http, f"/api/v1/runs/{case.run}/abort", order)
            else:
                await self._post(http, f"/api/v1/runs/{case.run}/orders", order | {"verb": "undo"})

    # --- failures and doubts ------------------------------------------------------------------------------

    async def _settle(self, http: httpx.AsyncClient, case: Case, request: Request) -> None:
        """Look at the hosts, and say what is true there, or to try again."""
        await self._until_calm(case)
        made = self._made(case, request.step)
        choice = self._choice(case, request, made)
        if choice not in request.choices:
            choice = "abort"
        if request.kind == "in_doubt":
            truth = "made" if all(made) else "made on some" if any(made) else "not made"
            self.doubts[f"{truth}: {choice}"] += 1
        self._retried[case.run] += choice == "retry"
        await asyncio.gather(*(self._say(http, case, request, choice) for _ in range(2)))

    def _choice(self, case: Case, request: Request, made: Sequence[bool]) -> Choice:
        if request.kind == "in_doubt" and made and all(made):
            return "done"
        # To try again a step that works on all hosts at once makes it twice where it was made.
        alone = request.step.rpartition("/")[2] in case.scenario.each or not any(made)
        return "retry" if alone and self._retried[case.run] < _RETRIES else "abort"

    async def _until_calm(self, case: Case) -> None:
        """A person who looks at a host does so when it answers, and when nothing of theirs runs any more."""
        deadline = self.moments.now + 20.0 + case.seconds
        while self.moments.now < deadline:
            if not (set(case.hosts) & (self.site.away | self.site.full)) and not self._under_way(case):
                return
            await asyncio.sleep(0.3)

    def _under_way(self, case: Case) -> bool:
        mine = [turn for turn in record.read(self.site.records) if turn.run == case.run]
        return sum(1 if not turn.ended else -1 for turn in mine) > 0

    def _made(self, case: Case, step: str) -> list[bool]:
        """Whether the change of this step has been made, host by host."""
        change = step.rpartition("/")[2]
        mine = {
            turn.host
            for turn in record.read(self.site.records)
            if (turn.run, turn.change, turn.verb, turn.ended) == (case.run, change, "on", True)
        }
        return [host in mine for host in case.hosts]

    # --- how things are said ------------------------------------------------------------------------------

    async def _say(self, http: httpx.AsyncClient, case: Case, request: Request, choice: Choice) -> bool:
        """Whether it was heard."""
        decision = _decision(request, choice, COMMANDER)
        self.said[choice] += 1
        status = await self._post(http, f"/api/v1/runs/{case.run}/decisions", decision)
        if status == 200:
            self.moments.note(f"{choice} {case.run} {request.step}", "decided")
        return status > 0

    async def _post(self, http: httpx.AsyncClient, path: str, body: Json) -> int:
        """Say it until it was heard: 200 if it was taken, 409 if it was refused, 0 if nobody has heard it.
        Who gets no answer says it again."""
        deadline = self.moments.now + 60.0
        while self.moments.now < deadline:
            try:
                answer = await http.post(path, json=body)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code in (200, 409):
                return answer.status_code
            assert answer is None or answer.status_code == 503, f"{path}: {answer.status_code} {answer.text}"
            await asyncio.sleep(0.5)
        return 0

    async def _signal(self, case: Case, request: Request, choice: Choice, by: str) -> bool:
        """As somebody does in Temporal's own pages."""
        self.said[f"{choice} by {by}, as a Signal" if by == STRANGER else f"{choice}, as a Signal"] += 1
        name = SIGNAL_APPROVE if choice == "approve" else SIGNAL_DENY
        decision = _decision(request, choice, by)
        return await self._until_heard(lambda: self._handle(case.run).signal(name, decision))

    async def _until_heard(self, call: Callable[[], Awaitable[None]]) -> bool:
        deadline = self.moments.now + 60.0
        while self.moments.now < deadline:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await call()
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return True  # the run has ended
            except TimeoutError:
                pass
            else:
                return True
            await asyncio.sleep(0.5)
        return False

    def _handle(self, run: str) -> WorkflowHandle[object, object]:
        return self.client.get_workflow_handle(run)


def _decision(request: Request, choice: Choice, by: str) -> Json:
    decision = Decision(request=request.id, choice=choice, by=by, digest=request.digest, reason="chaos")
    return {name: value for name, value in asdict(decision).items() if value and name != "via"}


def named(requests: Sequence[Request]) -> bool:
    """Whether every one of them is some named person's to answer."""
    return bool(requests) and all(COMMANDER in request.holders for request in requests)
