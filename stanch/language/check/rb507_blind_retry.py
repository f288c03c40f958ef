"""RB507: a change that is repeated blindly."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.retry is None or step.effect != "change" or step.says("done") or step.says("idempotent"):
            continue
        if step.call is None or step.call.spec is None or step.call.spec.knows_done:
            continue
        hint = "add `done:`, so that the first attempt is looked at before the second, or `idempotent: true`"
        message = f"`retry` would repeat the change of step `{step.id}` without looking"
        yield context.diagnostic("RB507", step.retry.key, message, hint)
