"""What a failed activity says about the world: it failed, or nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, TimeoutType
from temporalio.exceptions import TimeoutError as TemporalTimeout

from stanch.conductor.events import ActionFailed, ActionLost
from stanch.contract import ActionTask, Kept, TargetEnd

T = TypeVar("T", Kept, TargetEnd)

_UNKNOWN = "OutcomeUnknown"


def meaning(
    error: ActivityError | asyncio.CancelledError, key: str, task: ActionTask, at: float
) -> ActionFailed | ActionLost:
    """The event for `error`. A change is lost unless it is certain that it did not begin, or how it ended."""
    cause = error.cause if isinstance(error, ActivityError) else None
    kept: tuple[Kept, ...] = ()
    ends: tuple[TargetEnd, ...] = ()
    match cause:
        case ApplicationError(type=kind):
            kept, ends = _told(cause.details, "kept", Kept), _told(cause.details, "ends", TargetEnd)
            lost, reason = kind == _UNKNOWN, cause.message
        case TemporalTimeout(type=TimeoutType.SCHEDULE_TO_START):
            lost, reason = False, "no worker took it in time"
        case TemporalTimeout():
            begun = _begun(cause.last_heartbeat_details)
            lost, reason = begun, _timeout_text(cause.type, begun=begun)
        case CancelledError():
            # An action that was cancelled in time says so itself; the SDK gives a cancellation no details.
            lost, reason = True, "it was cancelled while it was acting"
        case _:
            lost, reason = True, str(cause or "it was cancelled")
    if task.effect == "read" or not lost:
        return ActionFailed(at, key, reason, kept, ends)
    return ActionLost(at, key, reason, ends)


def _told(details: Sequence[Any], name: str, kind: type[T]) -> tuple[T, ...]:
    """What the report of an action that failed says: what it stored all the same, how each target ended."""
    report = details[0] if details and isinstance(details[0], Mapping) else {}
    found = report.get(name, ())
    return tuple(kind(**each) for each in found) if isinstance(found, list) else ()


def _begun(details: Sequence[Any]) -> bool:
    """Whether the last sign of life says that the action may have acted. No sign of life: it may have."""
    if not details or not isinstance(details[0], Mapping):
        return True
    return details[0].get("phase") != "checking"


def _timeout_text(kind: TimeoutType | None, *, begun: bool) -> str:
    what = "its worker went silent" if kind is TimeoutType.HEARTBEAT else "it did not end in time"
    return f"{what}; it may have acted" if begun else f"{what} before it acted"
