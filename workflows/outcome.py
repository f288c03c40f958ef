"""What a failed activity says about the world: it failed, or nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, TimeoutType
from temporalio.exceptions import TimeoutError as TemporalTimeout

from stanch.conductor.events import ActionFailed, ActionLost
from stanch.contract import ActionTask, Kept, TargetEnd
from stanch.language.plan import Call

T = TypeVar("T", Kept, TargetEnd)

_UNKNOWN = "OutcomeUnknown"
_NO = "DoesNotHold"


def meaning(
    error: ActivityError | asyncio.CancelledError, key: str, task: ActionTask, at: float
) -> ActionFailed | ActionLost:
    """The event for `error`. A change is lost unless it is certain that it did not begin, or how it ended."""
    cause = error.cause if isinstance(error, ActivityError) else None
    kept: tuple[Kept, ...] = ()
    ends: tuple[TargetEnd, ...] = ()
    undo: Call | None = None
    kind, heard = "", 0.0
    match cause:
        case ApplicationError():
            kind = cause.type or ""
            undo = _way_back(cause.details[:1])
            kept, ends = _told(cause.details, "kept", Kept), _told(cause.details, "ends", TargetEnd)
            lost, reason = kind == _UNKNOWN, cause.message
        case TemporalTimeout(type=TimeoutType.SCHEDULE_TO_START) if not cause.last_heartbeat_details:
            lost, reason = False, f"nothing was executed: {_nobody(task.call.zone)}"
        case TemporalTimeout():
            begun = _begun(cause.last_heartbeat_details)
            memory = cause.last_heartbeat_details[1:2]
            undo, ends, heard = _way_back(memory), _told(memory, "ends", TargetEnd), _heard(memory)
            lost, reason = begun, _timeout_text(cause.type, task.call.zone, begun=begun)
        case CancelledError():
            # An action that was cancelled in time says so itself; the SDK gives a cancellation no details.
            lost, reason = True, "it was cancelled while it was acting"
        case _:
            lost, reason = True, str(cause or "it was cancelled")
    if task.effect == "read" or not lost:
        ran = task.effect == "change" and _ran(cause)
        return ActionFailed(at, key, reason, kept, ends, says_no=kind == _NO, ran=ran, undo=undo)
    return ActionLost(at, key, reason, ends, undo, heard)


def _heard(told: Sequence[Any]) -> float:
    """When a lost worker last told of its action."""
    heard = told[0].get("heard") if told and isinstance(told[0], Mapping) else None
    return float(heard) if isinstance(heard, int | float) else 0.0


def _ran(cause: BaseException | None) -> bool:
    """Whether the report of a change that failed says that it was executed all the same."""
    told = cause.details[:1] if isinstance(cause, ApplicationError) else ()
    return bool(told) and isinstance(told[0], Mapping) and told[0].get("ran") is True


def _way_back(told: Sequence[Any]) -> Call | None:
    """What the report of an action that failed, or the memory of one that was lost, says of the way back."""
    held = told[0].get("undo") if told and isinstance(told[0], Mapping) else None
    return Call(**held) if isinstance(held, dict) else None


def _told(details: Sequence[Any], name: str, kind: type[T]) -> tuple[T, ...]:
    """What the report of an action that failed, or the memory of one that was lost, says: what it stored all
    the same, how each target ended."""
    report = details[0] if details and isinstance(details[0], Mapping) else {}
    found = report.get(name, ())
    return tuple(kind(**each) for each in found) if isinstance(found, list) else ()


def _begun(details: Sequence[Any]) -> bool:
    """Whether the last sign of life says that the action may have acted. No sign of life: it may have."""
    if not details or not isinstance(details[0], Mapping):
        return True
    return details[0].get("phase") != "checking"


def _nobody(zone: str) -> str:
    if not zone:
        return "no worker took it in time"
    return f"no worker serves the zone `{zone}` (`worker.py --zone {zone}` is one), or all of them are busy"


def _timeout_text(kind: TimeoutType | None, zone: str, *, begun: bool) -> str:
    what = "its worker went silent" if kind is TimeoutType.HEARTBEAT else "it did not end in time"
    if kind is TimeoutType.SCHEDULE_TO_START:
        what = f"its worker is gone, and {_nobody(zone)}"
    return f"{what}; it may have acted" if begun else f"{what} before it acted"
