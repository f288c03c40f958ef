"""Every error that Stanch raises on purpose, sorted by whose fault it is.

    StanchError
    |-- AuthorError          what somebody wrote is wrong; nothing was started
    |   |-- InvalidRunbook       the document has diagnostics of severity `error`
    |   |-- InvalidInput         an input, an option or a configuration value does not fit
    |   `-- IllegalDecision      a person's answer that makes no sense now; nothing was recorded
    |-- OutsideError         the world outside said no, or nothing
    |   |-- ActionRefused        it answered, and the answer is a failure (exit status, HTTP status)
    |   |   `-- DoesNotHold      it was asked whether something holds, and its last answer was no
    |   |-- Unreachable          it did not answer; nothing was executed
    |   |-- OutcomeUnknown       it was told to act, and nobody knows whether it did
    |   `-- EngineUnavailable    Temporal cannot be reached
    `-- OurError             a bug in Stanch
        |-- EvaluationError      an expression failed on the values it got
        `-- IllegalEvent         the conductor was fed an event that its state has no row for

Whether Temporal may try an activity again is decided here, by `RETRYABLE`, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stanch.contract import TargetEnd


class StanchError(Exception):
    """The root; `str(error)` is one line that says what happened, where, and what to do next.

    `ends` says how it ended on each target of an action (`stanch.contract.TargetEnd`), if that is known.
    """

    def __init__(self, *args: object, ends: tuple[TargetEnd, ...] = ()) -> None:
        super().__init__(*args)
        self.ends = ends


class AuthorError(StanchError):
    """What somebody wrote is wrong."""


class InvalidRunbook(AuthorError):
    """The runbook has diagnostics of severity `error`; they were reported before this was raised."""


class InvalidInput(AuthorError):
    """An input, an option or a configuration value does not fit what was declared for it."""


class IllegalDecision(AuthorError):
    """A person's answer that cannot be taken now; nothing has changed."""


class OutsideError(StanchError):
    """The world outside said no, or nothing."""


class ActionRefused(OutsideError):
    """The target answered, and its answer is a failure."""


class DoesNotHold(ActionRefused):
    """What was waited for does not hold at the end of its time: the target was asked, and answered so."""


class Unreachable(OutsideError):
    """The target could not be reached and nothing was executed there."""


class OutcomeUnknown(OutsideError):
    """The target was told to act and the connection, the time or the worker ran out before its answer."""


class EngineUnavailable(OutsideError):
    """Temporal cannot be reached."""


class OurError(StanchError):
    """A bug in Stanch, or an expression that its checks should have refused."""


class EvaluationError(OurError):
    """An expression failed on the values it got; the message has the expression and CEL's reason."""


class IllegalEvent(OurError):
    """The conductor was fed an event that its state has no row for; the state is unchanged."""


RETRYABLE: dict[type[StanchError], bool] = {
    AuthorError: False,
    ActionRefused: False,
    Unreachable: True,
    OutcomeUnknown: False,
    EngineUnavailable: True,
    OurError: False,
}


def retryable(error: type[StanchError]) -> bool:
    """Whether an activity that ended with `error` may be tried again: the nearest family decides."""
    return next((RETRYABLE[family] for family in error.__mro__ if family in RETRYABLE), False)
