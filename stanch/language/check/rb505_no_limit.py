"""RB505: waiting without a limit."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic

_HINT = "add `within: 5m`, for example; when it has not come true by then, that is a failure"


def check(context: Context) -> Iterator[Diagnostic]:
    """`done` alone may go without: it waits no longer than its step's time limit."""
    for step in context.saying("until", "verify"):
        by_hand = step.call is not None and step.call.by_hand
        if step.poll is not None and step.poll.within is None and "within" not in step.lost and not by_hand:
            message = f"step `{step.id}` waits for `until` without a limit"
            yield context.diagnostic("RB505", step.poll.key, message, _HINT)
        verify = step.verify
        if verify is None or verify.poll is None or verify.broken:
            continue
        if verify.poll.within is None:
            message = f"`verify` of step `{step.id}` waits without a limit"
            yield context.diagnostic("RB505", verify.poll.key, message, _HINT)
