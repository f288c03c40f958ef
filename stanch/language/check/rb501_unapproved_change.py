"""RB501: a change that nobody approves."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc, step_effect

_WORDS = ("approval", "unattended")


def check(context: Context) -> Iterator[Diagnostic]:
    for step, blocks in context.steps_in_blocks():
        if step_effect(step) == "change" and not any(_covers(each) for each in (step, *blocks)):
            hint = "add `approval: incident_commander`, or `unattended: WHY` if nobody has to be asked"
            message = f"step `{step.id}` changes something and nobody approves it"
            yield context.diagnostic("RB501", step.name, message, hint)


def _covers(step: StepDoc) -> bool:
    """Whether the step, or a block, has an approval or says why it needs none."""
    return any(step.says(word) for word in _WORDS)
