"""RB503: a change that nobody can check."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.effect != "change" or step.call is None or step.call.spec is None:
            continue
        if step.says("retry"):
            continue  # a change that would also be repeated blindly: rb507_blind_retry says that
        if step.call.by_hand:
            continue  # the person says when it is done
        if not (step.says("done") or step.says("idempotent") or step.call.spec.knows_done):
            hint = "add `done:` with a read that shows it, or `idempotent: true` if twice is the same as once"
            message = f"nothing tells whether the change of step `{step.id}` is in place"
            yield context.diagnostic("RB503", step.name, message, hint)
