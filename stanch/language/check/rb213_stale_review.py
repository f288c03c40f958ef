"""RB213: nobody has reviewed the runbook lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic

REVIEW_EVERY = 90
"""Days."""

_HINT = "read it through, try it in a drill, and set `reviewed: {}`"


def check(context: Context) -> Iterator[Diagnostic]:
    document, today = context.document, context.today
    if document.reviewed is None:
        if "reviewed" not in document.lost:
            span = document.key("runbook")
            yield context.diagnostic("RB213", span, "nobody says when this was reviewed", _HINT.format(today))
        return
    try:
        reviewed = date.fromisoformat(document.reviewed.text)
    except ValueError:
        span = document.reviewed.span
        yield context.diagnostic("RB204", span, f"`{document.reviewed.text}` is not a day of the calendar")
        return
    age = (today - reviewed).days
    if age > REVIEW_EVERY:
        message = f"the last review is {age} days old; {REVIEW_EVERY} are allowed"
        yield context.diagnostic("RB213", document.reviewed.span, message, _HINT.format(today))
    elif age < -1:
        span = document.reviewed.span
        yield context.diagnostic("RB213", span, f"the review on {reviewed} has not happened yet")
