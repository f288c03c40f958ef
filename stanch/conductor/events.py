"""What the conductor is told. Moments (`at`) are seconds since the epoch, given by whoever hosts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from stanch.contract import Abort, Decision, Kept, LeaseAnswer, Order, TargetEnd
from stanch.language.plan import Call, Json


@dataclass(frozen=True, slots=True)
class RunStarted:
    at: float
    asked: float = 0.0
    """When Temporal took the start: a worker may see it much later."""


@dataclass(frozen=True, slots=True)
class ActionSucceeded:
    """The action under `key` ended well. `already`: its `done` held before, so nothing was executed."""

    at: float
    key: str
    result: Json = None
    already: bool = False
    kept: tuple[Kept, ...] = ()
    undo: Call | None = None
    """The way back that the action itself has told."""
    found: bool = False
    """`already`, and it was an earlier attempt at this very execution that made it."""


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """The action under `key` ended, and it is known that it did not do what it should."""

    at: float
    key: str
    reason: str
    kept: tuple[Kept, ...] = ()
    ends: tuple[TargetEnd, ...] = ()
    """How it ended on each target, as far as the action could tell."""
    says_no: bool = False
    """It was asked whether something holds, and its last answer was a plain no."""
    ran: bool = False
    """A change that was executed all the same: on some of its targets, or on all and in vain."""
    undo: Call | None = None
    """The way back that the action itself has told."""


@dataclass(frozen=True, slots=True)
class ActionLost:
    """The action under `key` was told to act, and nobody knows whether it did."""

    at: float
    key: str
    reason: str
    ends: tuple[TargetEnd, ...] = ()
    undo: Call | None = None
    """The way back that the action itself had told before it was told to act."""
    heard: float = 0.0
    """When its worker last told of it, if that one went silent: `ends` are of then."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    at: float
    key: str


@dataclass(frozen=True, slots=True)
class DecisionGiven:
    """A decision for which `Conductor.refusal` found nothing to refuse."""

    at: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class DecisionRefused:
    """A decision that was refused but arrived where a refusal cannot be answered (a Signal)."""

    at: float
    decision: Decision
    reason: str


@dataclass(frozen=True, slots=True)
class AbortRequested:
    at: float
    by: str
    reason: str
    said: Abort | None = None
    """Of a person: the message for which `Conductor.abort_refusal` found nothing to refuse."""


@dataclass(frozen=True, slots=True)
class OrderGiven:
    """An order for which `Conductor.order_refusal` found nothing to refuse."""

    at: float
    order: Order


@dataclass(frozen=True, slots=True)
class PageFailed:
    at: float
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class AlertReported:
    at: float
    status: Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True)
class LeaseAnswered:
    """How the claim `key` on the lease `name` stands."""

    at: float
    name: str
    key: str
    answer: LeaseAnswer


@dataclass(frozen=True, slots=True)
class LeaseRung:
    """The lease `name`, or whoever wants to be taken for it, has rung."""

    at: float
    name: str


@dataclass(frozen=True, slots=True)
class HistoryFilled:
    """The run's history nears the end that Temporal sets; `text` says how far it is."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A run that this one leaves behind has another id than was told, for that one was taken."""

    at: float
    told: str
    suffix: str


Event: TypeAlias = (
    RunStarted
    | ActionSucceeded
    | ActionFailed
    | ActionLost
    | TimerFired
    | DecisionGiven
    | DecisionRefused
    | AbortRequested
    | OrderGiven
    | PageFailed
    | AlertReported
    | LeaseAnswered
    | LeaseRung
    | HistoryFilled
    | LeftBehind
)


# Internal events: one node tells another within the same turn.


@dataclass(frozen=True, slots=True)
class Entered:
    """A node's turn has come."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """Nothing and nobody stands in the way of the node any more."""


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """The node `path`, a child of the one addressed, has reached a final phase."""

    path: str


@dataclass(frozen=True, slots=True)
class WorkFailed:
    """What the node was doing failed, or (`in_doubt`) nobody knows how it ended."""

    reason: str
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Repeated:
    """The node has run before: do again what is not in place, and only that."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The next of the node's `undo_queue` may be taken back."""


Internal: TypeAlias = Entered | Cleared | ChildEnded | WorkFailed | Repeated | TakeBack
