"""How an error of `stanch.errors` leaves an activity: its family decides whether Temporal may try again."""

from __future__ import annotations

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.output import one_line
from stanch.contract import ActionReport, Kept
from stanch.errors import OurError, StanchError, retryable


def application_error(error: StanchError, kept: tuple[Kept, ...] = ()) -> ApplicationError:
    """What to raise from an activity instead of `error`, outside of any `except` block: Temporal would store
    an exception that hangs on it as its cause, and that one may hold what must not be stored.

    The type is the name of the class, the message is `str(error)`; an `ActionReport` with what was kept, and
    how it ended on each target, is its only detail, if there is something to say. All but bugs are marked
    benign, which keeps the SDK from logging a traceback for an answer such as `503`; one line is logged here
    instead.
    """
    name = type(error).__name__
    if not isinstance(error, OurError):
        activity.logger.warning("%s: %s", name, one_line(str(error)))
    return ApplicationError(
        str(error),
        *([ActionReport(kept=kept, ends=error.ends)] if kept or error.ends else []),
        type=name,
        non_retryable=not retryable(type(error)),
        category=ApplicationErrorCategory.UNSPECIFIED
        if isinstance(error, OurError)
        else ApplicationErrorCategory.BENIGN,
    )
