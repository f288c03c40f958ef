"""RB531: a `done` that always holds, so that its change is never carried out."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.conditions import constant
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.done is None or step.done.poll is None:
            continue
        until = step.done.poll.until
        if constant(until.cel) is True:
            message = f"step `{step.id}` never changes anything: its `done` holds always, and is asked first"
            hint = "say how `result` looks when the change is in place"
            yield context.diagnostic("RB531", until.scalar.span, message, hint)
