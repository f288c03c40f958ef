"""RB514: a trigger that does not say which status of an alert it means."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.triggers import FIRING, says_status


def check(context: Context) -> Iterator[Diagnostic]:
    for trigger in context.document.triggers:
        if not says_status(trigger.when.cel):
            message = "the trigger does not say which status it means; it is taken for a firing alert only"
            hint = f"write `{FIRING} && ...`"
            yield context.diagnostic("RB514", trigger.when.scalar.span, message, hint)
