"""The transition table, and the one function that applies it.

Every event for a node is looked up in `TABLE` by the node's phase and the event's type. A pair without a row
is illegal: `IllegalEvent` is raised and nothing has changed. The same table draws `docs/conductor.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from stanch.conductor.authority import proving
from stanch.conductor.authority.may_order import may_abort
from stanch.conductor.back import returning, stopping, undoing
from stanch.conductor.book import Book
from stanch.conductor.claims import answering, breaking, needing
from stanch.conductor.commands import Command
from stanch.conductor.events import (
    AbortRequested,
    ActionFailed,
    ActionLost,
    ActionSucceeded,
    AlertReported,
    ChildEnded,
    Cleared,
    DecisionGiven,
    DecisionRefused,
    Entered,
    Event,
    HistoryFilled,
    Internal,
    LeaseAnswered,
    LeaseRung,
    LeftBehind,
    OrderGiven,
    PageFailed,
    Repeated,
    RunStarted,
    TakeBack,
    TimerFired,
    WorkFailed,
)
from stanch.conductor.requests import deciding, requesting
from stanch.conductor.state import ROOT, Node, Phase, State
from stanch.conductor.steps import act, again, begin, failing, family
from stanch.conductor.times import account
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import clocks, filling, listening, orders, parking, pausing
from stanch.contract import Abort, Decision, Order, RunInput
from stanch.errors import EvaluationError, IllegalEvent

Handler: TypeAlias = Callable[[Turn, Node, Any], None]

P = Phase
_SETTLED = frozenset({P.SUCCEEDED, P.SKIPPED, P.REFUSED})
_ENDS = frozenset({P.SUCCEEDED, P.FAILED, P.SKIPPED, P.REFUSED, P.DENIED, P.IN_DOUBT})
_AFTER_FAILURE = frozenset({P.ASKING, P.UNDOING, P.FAILED, P.IN_DOUBT})


@dataclass(frozen=True, slots=True)
class Row:
    """What happens to a node in one phase on one event. `to` are the phases it may be left in by it; its own
    phase when it stays, and (by `WorkFailed`, in the same turn) those of a failure."""

    handler: Handler
    to: frozenset[Phase]


TABLE: dict[tuple[Phase, type], Row] = {
    (P.PENDING, Entered): Row(begin.entered, frozenset({P.READY, P.ASKING, P.SKIPPED, P.REFUSED, P.PENDING})),
    (P.PENDING, Repeated): Row(
        again.repeated, frozenset({P.PENDING, P.READY, P.RUNNING, P.VERIFYING}) | _SETTLED
    ),
    (P.READY, Cleared): Row(
        begin.cleared, frozenset({P.RUNNING, P.ACTING, P.PAUSING, P.VERIFYING, P.READY, P.ASKING}) | _SETTLED
    ),
    (P.RUNNING, TimerFired): Row(family.limit_reached, frozenset({P.RUNNING})),
    (P.RUNNING, ChildEnded): Row(
        family.child_ended, frozenset({P.RUNNING, P.PAUSING, P.VERIFYING}) | _ENDS | {P.ABORTED}
    ),
    (P.PAUSING, TimerFired): Row(
        family.timer_fired, frozenset({P.RUNNING, P.VERIFYING, P.PAUSING}) | _SETTLED
    ),
    (P.ACTING, ActionSucceeded): Row(act.succeeded, frozenset({P.VERIFYING, P.ACTING}) | _SETTLED),
    (P.ACTING, ActionFailed): Row(act.failed, frozenset({P.ACTING})),
    (P.ACTING, ActionLost): Row(act.lost, frozenset({P.DOUBTING, P.ACTING})),
    (P.DOUBTING, ActionSucceeded): Row(act.doubt_cleared, frozenset({P.VERIFYING, P.DOUBTING}) | _SETTLED),
    (P.DOUBTING, ActionFailed): Row(act.doubt_stays, frozenset({P.DOUBTING})),
    (P.DOUBTING, ActionLost): Row(act.doubt_stays, frozenset({P.DOUBTING})),
    (P.VERIFYING, ActionSucceeded): Row(
        family.verified, frozenset({P.SUCCEEDED, P.RUNNING, P.PAUSING, P.VERIFYING})
    ),
    (P.VERIFYING, ActionFailed): Row(family.not_verified, frozenset({P.VERIFYING, P.RUNNING, P.PAUSING})),
    (P.VERIFYING, ActionLost): Row(family.not_verified, frozenset({P.VERIFYING, P.RUNNING, P.PAUSING})),
    (P.VERIFYING, TimerFired): Row(family.limit_in_verification, frozenset({P.VERIFYING})),
    (P.ASKING, DecisionGiven): Row(
        deciding.decided,
        frozenset({P.ASKING, P.PENDING, P.READY, P.RUNNING, P.VERIFYING, P.UNDOING, P.ABORTED}) | _ENDS,
    ),
    (P.ASKING, TimerFired): Row(deciding.climbed, frozenset({P.ASKING, P.DENIED, P.IN_DOUBT, P.ABORTED})),
    (P.UNDOING, TakeBack): Row(undoing.take_back, frozenset({P.UNDOING}) | _ENDS),
    (P.UNDOING, ActionSucceeded): Row(undoing.undone, frozenset({P.UNDOING}) | _ENDS),
    (P.UNDOING, ActionFailed): Row(undoing.undone, frozenset({P.UNDOING, P.FAILED, P.IN_DOUBT})),
    (P.UNDOING, ActionLost): Row(undoing.undone, frozenset({P.UNDOING, P.IN_DOUBT})),
    (P.STOPPING, ActionSucceeded): Row(stopping.stopped, frozenset({P.SUCCEEDED, P.ABORTED, P.IN_DOUBT})),
    (P.STOPPING, ActionFailed): Row(stopping.stopped, frozenset({P.ABORTED, P.IN_DOUBT})),
    (P.STOPPING, ActionLost): Row(stopping.stopped, frozenset({P.IN_DOUBT})),
    **{
        (phase, WorkFailed): Row(failing.work_failed, _AFTER_FAILURE)
        for phase in (P.PENDING, P.READY, P.RUNNING, P.PAUSING, P.ACTING, P.DOUBTING, P.VERIFYING, P.ASKING)
    },
}


class Conductor:
    """Applies events to the state of one run. Holds nothing but the Plan."""

    def __init__(self, given: RunInput) -> None:
        self.book = Book(given.plan)

    def begin(self, run: str, given: RunInput) -> State:
        """The state of a run before its first event."""
        return State(run=run, given=given)

    def step(self, state: State, event: Event) -> tuple[State, tuple[Command, ...]]:
        """The next state, and what the host must do, in order. Raises IllegalEvent; `state` never changes."""
        turn = Turn(self.book, state, event.at)
        match event:
            case RunStarted():
                self._start(turn, state, event)
            case ActionSucceeded() | ActionFailed() | ActionLost() | TimerFired():
                path = turn.awaited.pop(event.key, None)
                if path is None:
                    raise IllegalEvent(f"nothing is awaited under `{event.key}`")
                if not answering.due(turn, event.key):
                    self._dispatch(turn, path, event)
            case LeaseAnswered() | LeaseRung():
                answering.heard(turn, event)
            case DecisionGiven(decision=decision):
                if refused := self.refusal(state, decision, turn.at):
                    raise IllegalEvent(refused)
                proving.taken(turn, decision)
                self._dispatch(turn, state.requests[decision.request].node, event)
            case AbortRequested():
                self._abort(turn, state, event)
            case OrderGiven(order=order):
                if refused := self.order_refusal(state, order, turn.at):
                    raise IllegalEvent(refused)
                orders.obey(turn, order)
            case DecisionRefused() | PageFailed() | AlertReported() | LeftBehind() | HistoryFilled():
                _remember(turn, state, event)
        self._run_on(turn)
        return turn.result(spent=account(state, turn.at)), tuple(turn.commands)

    def refusal(self, state: State, decision: Decision, at: float | None = None) -> str:
        """Why `decision` cannot be taken at the moment `at` (that of the last turn, when it is not said), in
        words for the person who took it; empty when it can."""
        return deciding.refusal(state, decision, state.clock if at is None else at)

    def order_refusal(self, state: State, order: Order, at: float | None = None) -> str:
        """Why `order` makes no sense at the moment `at`, or is not this person's to give; empty when it is
        obeyed."""
        return orders.refusal(state, order, state.clock if at is None else at)

    def answer(self, state: State, order: Order) -> str:
        """What the person is told who gives the order to the run as it is in `state`."""
        return breaking.answer(state, order.lease) if order.verb == "break" else f"{order.verb} recorded"

    def abort_refusal(self, state: State, abort: Abort | None, at: float | None = None) -> str:
        """Why the run is not aborted at the moment `at`, in words for whoever asks for it; empty when it is.
        None is Temporal itself, whose cancellation needs no proof: stopping is never hard."""
        # One that only puts back what was borrowed can be ended too, and so can one that is being undone.
        goes_back = state.taking_back or state.back_to is not None
        if state.outcome is not None or (state.aborting and not goes_back):
            return "the run has ended or is being aborted already"
        if not state.nodes:
            return "the run has not begun yet; abort it again in a moment"
        if abort is None:
            return ""
        if not abort.by.strip() or not abort.reason.strip():
            return "an abort needs a name and a reason"
        at = state.clock if at is None else at
        return may_abort(state, abort.by, at) or proving.refusal(state, abort, at)

    def _run_on(self, turn: Turn) -> None:
        """What the nodes have told each other, but for what a pause, a hold or a lease keeps back."""
        while turn.queue:
            path, internal = turn.queue.popleft()
            if what := parking.keeps_back(turn, turn.nodes[path], internal):
                parking.park(turn, turn.nodes[path], internal, what)
            elif not needing.lacks(turn, turn.nodes[path], internal):
                self._dispatch(turn, path, internal)
        clocks.set_limits(turn)
        if turn.paused and not turn.ending:
            # A question that was put meanwhile has paged who is needed, and waits with the others.
            requesting.freeze(turn)

    def _dispatch(self, turn: Turn, path: str, event: Event | Internal) -> None:
        node = turn.nodes[path]
        row = TABLE.get((node.phase, type(event)))
        if row is None:
            raise IllegalEvent(
                f"`{path or 'run'}` is {node.phase.value}; {type(event).__name__} makes no sense"
            )
        try:
            row.handler(turn, node, event)
        except EvaluationError as error:
            # Handlers evaluate before they act, so the node is where it was: its work has failed.
            turn.post(path, WorkFailed(str(error)))

    def _start(self, turn: Turn, state: State, event: RunStarted) -> None:
        if state.nodes:
            raise IllegalEvent("the run has started already")
        who, signers = proving.starter(state, event.asked or turn.at)
        turn.before = replace(state, started=turn.at, starter=who, starters=signers)
        by = (state.given.started_by or "nobody named") + (f" ({who})" if who else "")
        turn.note("run_started", f"{self.book.plan.title}, started by {by}")
        if state.given.held:
            pausing.set_hold(turn, state.given.incident.id if state.given.incident else "", state.given.held)
            turn.note("held", state.given.held)
        if state.given.own_hold:
            pausing.set_hold(turn, "", state.given.own_hold)
            turn.note("held", state.given.own_hold)
        turn.put(Node(path=ROOT, step="", parent=None, started=turn.at))
        turn.post(ROOT, Entered())

    def _abort(self, turn: Turn, state: State, event: AbortRequested) -> None:
        if refused := self.abort_refusal(state, event.said, turn.at):
            raise IllegalEvent(refused)
        who = ""
        if event.said is not None:
            proving.taken(turn, event.said)
            who = f" ({proving.mark(turn, event.said)}, via {event.said.via})"
        turn.note("aborted", f"{event.by} ends the run: {event.reason}{who}", by=event.by)
        stopping.stop(turn, f"aborted by {event.by}: {event.reason}")


_REMEMBERED_REFUSALS = 50


def _remember(
    turn: Turn,
    state: State,
    event: DecisionRefused | PageFailed | AlertReported | LeftBehind | HistoryFilled,
) -> None:
    """What was not asked for. Refusals are bounded: a Signal is anybody's to send."""
    match event:
        case DecisionRefused(decision=decision, reason=reason):
            if sum(moment.kind == "refused" for moment in state.timeline) < _REMEMBERED_REFUSALS:
                text = f"{decision.choice} by {decision.by or 'nobody'} refused: {reason}"
                turn.note("refused", text[:300], by=decision.by)
        case PageFailed(to=to, reason=reason):
            turn.note("problem", f"the page to {to} was not sent: {reason}")
        case AlertReported(status=status):
            listening.alert(turn, status)
        case HistoryFilled(text=text):
            filling.stop_growing(turn, text)
        case LeftBehind(told=told, suffix=suffix):
            returning.left_elsewhere(turn, told, suffix)
            text = f"run {state.run}{told} still waits to put back what an earlier run has borrowed"
            turn.note("borrowed", f"{text}; what this one has borrowed comes back by run {state.run}{suffix}")
