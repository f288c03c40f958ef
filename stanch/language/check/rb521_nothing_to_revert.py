"""RB521: a `revert` with nothing to take back."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Blocks, Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc


def check(context: Context) -> Iterator[Diagnostic]:
    for step, blocks in context.steps_in_blocks:
        if step.revert is None or not step.lost.isdisjoint({"undo", "effect", "steps", "runbook"}):
            continue
        if (found := _problem(step, blocks)) is not None:
            message, hint, related = found
            yield context.diagnostic("RB521", step.revert.key, message, hint, related)


def _problem(step: StepDoc, blocks: Blocks) -> tuple[str, str | None, tuple[Related, ...]] | None:
    if step.kind in ("block", "child"):
        if step.undo is not None:
            return None
        what = "the block" if step.kind == "block" else "the runbook that is called"
        where = "on its steps" if step.kind == "block" else "in that runbook"
        message = f"{what} has no `undo` here that could be run"
        return message, f"give it an `undo` of its own, or say `revert` {where}", ()
    effect = step.effect
    if step.kind != "action" or effect == "read":
        return f"`revert` belongs to a change, and `{step.id}` changes nothing", None, ()
    if step.irreversible is not None:
        related = (Related(step.key("irreversible"), "it has no way back"),)
        return f"the change of step `{step.id}` is irreversible, so it cannot come back", None, related
    owner = next((block for block in blocks if block.undo is not None), None)
    if owner is not None:
        related = (Related(owner.key("undo"), f"the way back of `{owner.id}`"),)
        message = f"the way back of step `{step.id}` is that of the block `{owner.id}`"
        return message, f"say `revert` on `{owner.id}`", related
    if effect is None or step.undo is not None or step.call is None or step.call.spec is None:
        return None
    if step.call.spec.knows_undo:
        return None
    hint = "add `undo:` with the call that takes it back"
    return f"step `{step.id}` has no `undo` that could be run", hint, ()
