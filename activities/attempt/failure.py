"""How an error of `stanch.errors` leaves an activity: its family decides whether Temporal may try again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.output import one_line
from stanch.contract import ActionReport, Kept
from stanch.errors import OurError, StanchError, retryable
from stanch.language.plan import Call


def application_error(
    error: StanchError,
    kept: tuple[Kept, ...] = (),
    undo: Call | None = None,
    *,
    ran: bool = False,
    again: bool = False,
    after: float = 0.0,
) -> ApplicationError:
    """What to raise from an activity instead of `error`, outside of any `except` block: Temporal would store
    an exception that hangs on it as its cause, and that one may hold what must not be stored.

    The type is the name of the class, the message is `str(error)`; an `ActionReport` with what was kept, how
    it ended on each target, the way back that the action knew, and whether it was executed all the same, is
    its only detail, if there is something to say. All but bugs are marked benign, which keeps the SDK from
    logging a traceback for an answer such as `503`; one line is logged here instead. With `again` Temporal
    may try it once more whatever the family says, and with `after` it waits so many seconds before.
    """
    name = type(error).__name__
    report = ActionReport(kept=kept, ends=error.ends, undo=undo, ran=ran)
    if not isinstance(error, OurError):
        activity.logger.warning("%s: %s", name, one_line(str(error)))
    return ApplicationError(
        str(error),
        *([report] if report != ActionReport() else []),
        type=name,
        non_retryable=not (again or retryable(type(error))),
        next_retry_delay=timedelta(seconds=after) if after else None,
        category=ApplicationErrorCategory.UNSPECIFIED
        if isinstance(error, OurError)
        else ApplicationErrorCategory.BENIGN,
    )
