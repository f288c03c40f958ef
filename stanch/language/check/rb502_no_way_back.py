"""RB502: a change without a way back."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import step_effect


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps():
        if step_effect(step) != "change" or step.call is None or step.call.spec is None:
            continue
        if not (step.says("undo") or step.says("irreversible") or step.call.spec.knows_undo):
            hint = "add `undo:` with the call that takes it back, or `irreversible: WHY`"
            yield context.diagnostic("RB502", step.name, f"step `{step.id}` has no way back", hint)
