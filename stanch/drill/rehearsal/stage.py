"""The stage: the conductor runs a Plan, and the script answers all that it commands.

Time is a number that jumps to whatever comes next. The conductor is the one that real runs have.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import NoReturn, TypeAlias

from stanch.conductor import describe
from stanch.conductor.authority.people import holders
from stanch.conductor.commands import (
    AskLease,
    CancelAction,
    CancelTimer,
    Command,
    FinishRun,
    Page,
    RingLease,
    RunAction,
    StartTimer,
)
from stanch.conductor.events import (
    AbortRequested,
    ActionFailed,
    ActionLost,
    ActionSucceeded,
    AlertReported,
    DecisionGiven,
    Event,
    LeaseAnswered,
    OrderGiven,
    RunStarted,
    TimerFired,
)
from stanch.conductor.machine import Conductor
from stanch.conductor.state import Node, Phase
from stanch.contract import REVISION, Decision, LeaseAnswer, Order, Request, RunInput, RunPolicy
from stanch.drill.rehearsal.document import Answer, Ordered, Rehearsal, Reported
from stanch.drill.rehearsal.people import People
from stanch.drill.rehearsal.performance import (
    BrokenOff,
    Disobeyed,
    Endless,
    Paged,
    Performance,
    Refused,
    Unanswered,
)
from stanch.drill.scripted.names import item_of, name_of
from stanch.drill.scripted.outside import End, Outside
from stanch.drill.scripted.script import Script, Spot
from stanch.language.catalogue import Catalogue
from stanch.language.inputs import check_inputs
from stanch.language.people import IC
from stanch.language.plan import MANUAL, Plan
from stanch.language.tree import plain

MOST_EVENTS = 5000
"""Of one rehearsal. A run that its script keeps going for longer will not end by itself."""

MOST_SECONDS = 36525 * 86400.0
"""On the scripted clock."""

Happening: TypeAlias = Callable[[], None]


@dataclass(slots=True)
class _Coming:
    """Something that is going to happen, unless it is dropped."""

    happen: Happening
    dropped: bool = False


@dataclass(slots=True)
class _UnderWay:
    coming: _Coming
    acts: float | None = None
    """Of an action: from when on it cannot be said any more that nothing was executed."""


class _Broken(Exception):
    def __init__(self, why: BrokenOff) -> None:
        super().__init__(type(why).__name__)
        self.why = why


def perform(rehearsal: Rehearsal, plan: Plan, policy: RunPolicy, catalogue: Catalogue) -> Performance:
    """Run `plan` as the rehearsal says. The rehearsal was held against the Plan (`bind`) without an error.

    `policy` is what a run of the Plan would pin at its start.
    """
    given = RunInput(
        plan=plan,
        inputs=check_inputs(plan, plain(rehearsal.inputs)),
        started_by=rehearsal.started_by,
        severity=rehearsal.severity,
        mode=rehearsal.mode,
        # Whoever speaks in a rehearsal stands in the script, and has no key.
        policy=replace(policy, unsigned="accept", keys=()),
        incident=rehearsal.incident,
        revision=REVISION,
    )
    return _Stage(rehearsal, given, catalogue).run()


class _Stage:
    def __init__(self, rehearsal: Rehearsal, given: RunInput, catalogue: Catalogue) -> None:
        self._conductor = Conductor(given)
        self._script = Script(rehearsal.given)
        self._outside = Outside(self._script, catalogue)
        self._people = People(rehearsal.people)
        state = self._conductor.begin(f"run/{given.plan.runbook}/rehearsal", given)
        self._came = Performance(state)
        self._abort = rehearsal.abort
        self._orders, self._alert = rehearsal.orders, rehearsal.alert
        self._start = self._now = rehearsal.clock
        self._numbers = count()
        self._queue: list[tuple[float, int, _Coming]] = []
        self._open: dict[str, _UnderWay] = {}
        """By key: the actions and timers whose end is awaited."""
        self._heard: set[str] = set()
        """Requests that somebody is about to answer, or to which nobody wants to say anything."""
        self._answering: list[tuple[Answer, Request, _Coming]] = []
        self._finished = False

    def run(self) -> Performance:
        came = self._came
        try:
            self._play()
        except _Broken as error:
            came.broken_off = error.why
        came.unheard = self._people.unheard()
        came.strange_items = self._script.strange_items()
        return came

    def _play(self) -> None:
        """Until the run has ended. Raises _Broken."""
        self._feed(RunStarted(self._now))
        if (stop := self._abort) is not None:
            self._at(stop.after, lambda: self._ask_to_stop(stop.by, stop.reason))
        for ordered in self._orders:
            self._give(ordered)
        for reported in self._alert:
            self._report(reported)
        events = 1
        while self._queue and not self._finished:
            self._now, _, coming = heapq.heappop(self._queue)
            if coming.dropped:
                continue
            if (events := events + 1) > MOST_EVENTS:
                self._give_up(f"{MOST_EVENTS:,} events")
            if self._now - self._start > MOST_SECONDS:
                self._give_up("a hundred years")
            coming.happen()
        for answer, request, coming in self._answering:
            if not coming.dropped:
                self._decide(answer, request, coming)

    def _give_up(self, after: str) -> NoReturn:
        timeline = self._came.state.timeline
        raise _Broken(Endless(after, timeline[-1].text if timeline else "nothing has happened"))

    def _at(self, seconds: float, happen: Happening) -> _Coming:
        """Have something happen so many seconds from now."""
        coming = _Coming(happen)
        heapq.heappush(self._queue, (self._now + max(seconds, 0.0), next(self._numbers), coming))
        return coming

    def _feed(self, event: Event) -> None:
        came = self._came
        came.state, commands = self._conductor.step(came.state, event)
        for command in commands:
            self._carry_out(command)
        if not self._finished:
            self._hear()

    def _carry_out(self, command: Command) -> None:
        match command:
            case RunAction():
                self._begin(command)
            case StartTimer(key=key, seconds=seconds):
                node = self._node(key)
                if node.key == key:
                    self._came.begun.add(node.path)
                self._open[key] = _UnderWay(self._at(seconds, lambda: self._end(TimerFired(self._now, key))))
            case CancelTimer(key=key):
                self._open.pop(key).coming.dropped = True
            case CancelAction(key=key):
                self._stop(key)
            case Page(task=task):
                self._came.pages.append(Paged(task.to, self._now - self._start))
            case AskLease():
                self._at(0.0, lambda: self._grant(command))
            case RingLease():
                pass
            case FinishRun():
                self._finished = True

    def _grant(self, command: AskLease) -> None:
        """Nobody else is on the stage, so nobody holds a lease."""
        answer = LeaseAnswer("rehearsal", held=True, since=self._now)
        self._feed(LeaseAnswered(self._now, command.task.name, command.key, answer))

    # --- the outside --------------------------------------------------------------------------------------

    def _begin(self, command: RunAction) -> None:
        end = self._end_of(command, self._node(command.key))
        acts = None if end.acts is None else self._now + end.acts
        coming = self._at(end.seconds, lambda: self._ended(command.key, end))
        self._open[command.key] = _UnderWay(coming, acts)

    def _ended(self, key: str, end: End) -> None:
        if end.seen.lack is not None:
            raise _Broken(end.seen.lack)
        self._end(_event(self._now, key, end))

    def _end(self, event: ActionSucceeded | ActionFailed | ActionLost | TimerFired) -> None:
        del self._open[event.key]
        self._feed(event)

    def _stop(self, key: str) -> None:
        """An action is told to stop, and does so at once."""
        under_way = self._open[key]
        under_way.coming.dropped = True
        acted = under_way.acts is not None and self._now >= under_way.acts
        reason = "it was cancelled while it was acting" if acted else "it was cancelled"
        kind = ActionLost if acted else ActionFailed
        under_way.coming = self._at(0.0, lambda: self._end(kind(self._now, key, reason)))

    def _end_of(self, command: RunAction, node: Node) -> End:
        """What becomes of an action."""
        came, task = self._came, command.task
        if node.phase is Phase.UNDOING:
            changed = came.state.nodes[came.state.ledger[node.undo_queue[0]].step]
            came.undone.add(changed.path)
            return self._outside.undone(task, self._spot(changed))
        came.begun.add(node.path)
        step, spot = self._conductor.book.step(node), self._spot(node)
        by_hand = step.call is not None and step.call.action == MANUAL
        if node.phase is Phase.VERIFYING:
            return self._outside.checked(task, spot, "verify")
        if node.phase is Phase.DOUBTING or by_hand:
            return self._outside.checked(task, spot, "done")
        return self._outside.acted(command, step, spot)

    def _node(self, key: str) -> Node:
        state = self._came.state
        return state.nodes[state.awaited[key]]

    def _spot(self, node: Node) -> Spot:
        nodes = self._came.state.nodes
        return Spot(name_of(nodes, node), node.path, item_of(nodes, node))

    # --- people -------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        """Have every open question answered that nobody is about to answer."""
        for request in describe.open_requests(self._came.state):
            if request.id not in self._heard:
                self._heard.add(request.id)
                self._answer(request)

    def _answer(self, request: Request) -> None:
        step = self._asking(request)
        answer = self._people.next(step)
        times = self._people.said[step]
        if answer is None or (self._people.left(step) < 0 and answer.choice not in (None, *request.choices)):
            asked = (step, request.question, request.choices, tuple(request.fields))
            raise _Broken(Unanswered(*asked, times))
        if answer.choice is not None:
            coming = self._at(request.opened + answer.after - self._now, lambda: None)
            coming.happen = lambda: self._decide(answer, request, coming)
            self._answering.append((answer, request, coming))

    def _decide(self, answer: Answer, request: Request, coming: _Coming) -> None:
        """Somebody answers, which may come too late."""
        coming.dropped = True
        state = self._came.state
        held = state.requests[request.id].request
        decision, step = self._people.decision(answer, held), self._asking(request)
        if answer.refused is None:
            self._tick(decision, held)
            state = self._came.state
        if refused := self._conductor.refusal(state, decision):
            if answer.refused is None or answer.refused not in refused:
                raise _Broken(Refused(answer, step, refused))
            if self._people.left(step) > 0:
                self._heard.discard(request.id)
            if not self._finished:
                self._hear()
            return
        if answer.refused is not None:
            self._came.taken.append((step, answer))
        self._heard.discard(request.id)
        self._feed(DecisionGiven(self._now, decision))

    def _tick(self, decision: Decision, request: Request) -> None:
        """Whoever says in a script that it is done has ticked the checklist before."""
        order = Order("tick", decision.by, request=request.id, items=tuple(range(len(request.checklist))))
        state = self._came.state
        said_done = decision.choice in ("done", "answer") and request.checklist
        if not said_done or state.given.revision < 2:
            return
        if not self._conductor.order_refusal(state, order, self._now):
            self._feed(OrderGiven(self._now, order))

    def _asking(self, request: Request) -> str:
        nodes = self._came.state.nodes
        return name_of(nodes, nodes[request.step])

    def _give(self, ordered: Ordered) -> None:
        self._came.ungiven.append(ordered)
        self._at(ordered.after, lambda: self._ordered(ordered))

    def _ordered(self, ordered: Ordered) -> None:
        self._came.ungiven.remove(ordered)
        state, order = self._came.state, ordered.order
        order = order if order.by else replace(order, by=min(holders(state, IC, self._now) or (IC,)))
        refused = self._conductor.order_refusal(state, order, self._now)
        if refused and (ordered.refused is None or ordered.refused not in refused):
            raise _Broken(Disobeyed(ordered, refused))
        if not refused:
            if ordered.refused is not None:
                self._came.obeyed.append(ordered)
            self._feed(OrderGiven(self._now, order))

    def _report(self, reported: Reported) -> None:
        self._at(reported.after, lambda: self._feed(AlertReported(self._now, reported.status)))

    def _ask_to_stop(self, by: str, reason: str) -> None:
        state = self._came.state
        if not state.aborting and state.outcome is None:
            self._feed(AbortRequested(self._now, by, reason))


def _event(now: float, key: str, end: End) -> ActionSucceeded | ActionFailed | ActionLost:
    match end.kind:
        case "succeeded":
            return ActionSucceeded(now, key, end.seen.result, end.already, end.kept, end.undo)
        case "failed":
            return ActionFailed(now, key, end.seen.problem, end.kept, says_no=end.says_no, undo=end.undo)
        case "lost":
            return ActionLost(now, key, end.seen.problem, undo=end.undo)
