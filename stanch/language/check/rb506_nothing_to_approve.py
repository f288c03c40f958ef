"""RB506: an approval with nothing to approve."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc, step_effect, walk


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.approval is None or step.kind == "broken" or step.lost & {"effect", "steps"}:
            continue
        if not any(_may_change(context, each) for each in walk((step,))):
            message = f"step `{step.id}` asks for an approval and changes nothing"
            hint = "leave the approval away; a read needs none"
            yield context.diagnostic("RB506", step.approval.key, message, hint)


def _may_change(context: Context, step: StepDoc) -> bool:
    if step.child is not None:
        known = context.interfaces.get(step.child.runbook.text)
        return known is None or known.changes is not False
    return step.kind == "broken" or step.said_effect == "change" or step_effect(step) != "read"
