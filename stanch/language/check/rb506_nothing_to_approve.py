"""RB506: an approval with nothing to approve."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc, walk
from stanch.language.words import listed

_OF_CHANGES = ("done", "undo", "irreversible", "idempotent")


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.approval is None or step.kind == "broken" or step.lost & {"effect", "steps"}:
            continue
        if not any(_may_change(context, each) for each in walk((step,))):
            message = f"step `{step.id}` asks for an approval and changes nothing"
            hint = "take the approval out; a read needs none"
            if words := change_words(step):
                message = f"`{step.id}` says `effect: read`, and has {listed(words)}: it looks like a change"
                hint = "write `effect: change`"
            yield context.diagnostic("RB506", step.approval.key, message, hint)


def change_words(step: StepDoc) -> tuple[str, ...]:
    """The words of a step that calls itself a read by mistake: an approval, and another one of a change."""
    able = step.call is not None and step.call.spec is not None and step.call.spec.effect != "read"
    if step.approval is None or step.said_effect != "read" or not able:
        return ()
    others = tuple(word for word in _OF_CHANGES if step.says(word))
    return ("approval", *others) if others else ()


def _may_change(context: Context, step: StepDoc) -> bool:
    if step.child is not None:
        known = context.interfaces.get(step.child.runbook.text)
        return known is None or known.changes is not False
    return step.kind == "broken" or step.said_effect == "change" or step.effect != "read"
