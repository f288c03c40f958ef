"""Whether another attempt may follow one that failed, and what it is told of how far that one had come.

A read may be tried again whatever went wrong, if its step has a `retry`. A change may be only if its step
says that twice is the same as once, or has a `done` that the next attempt asks first; and then only if nobody
knows how it ended, or the target has said that it could not do it just now. Any other answer is one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from activities.action import Action, Postponing
from stanch.contract import ActionTask, TargetEnd
from stanch.errors import ActionRefused, AuthorError, OurError, OutcomeUnknown, StanchError
from stanch.language.plan import Json

LONGEST_DELAY = 60.0
"""Seconds that a target may ask to be left alone."""
_LARGEST = 64 * 1024
"""Bytes of all that a heartbeat tells of the targets; each of them is sent once a second."""


def later(action: Action, result: Json) -> float | None:
    """Seconds until the target of `result` wants to be asked again, 0 where it does not say when; None if
    `result` is its answer."""
    return action.later(result) if isinstance(action, Postponing) and result is not None else None


def follows(task: ActionTask, error: StanchError, *, postponed: bool) -> bool:
    """Whether an attempt may follow one that ended with `error`, beyond what that error allows by itself."""
    if task.again == "never" or task.poll is not None or isinstance(error, AuthorError | OurError):
        return False
    if task.effect == "read":
        return True
    return isinstance(error, OutcomeUnknown) or (isinstance(error, ActionRefused) and postponed)


def told_of(ends: Sequence[TargetEnd]) -> list[Json]:
    """`ends` for a heartbeat. Where there are too many, what is only of use to a reader goes first."""
    for fewer in (ends, [replace(end, note="", output="") for end in ends]):
        told: list[Json] = [asdict(end) for end in fewer]
        if fits(told):
            return told
    return []


def fits(told: Json) -> bool:
    return len(json.dumps(told, default=str)) <= _LARGEST
