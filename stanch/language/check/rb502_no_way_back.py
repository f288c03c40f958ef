"""RB502: a change without a way back."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    """A block's way back is that of all changes in it. `rb521_nothing_to_revert` says it of a `revert`."""
    for step, blocks in context.steps_in_blocks:
        if step.effect != "change" or step.call is None or step.call.spec is None:
            continue
        if step.says("undo") or step.says("irreversible") or step.says("revert") or step.call.spec.knows_undo:
            continue
        if not any(block.says("undo") for block in blocks):
            hint = "add `undo:` with the call that takes it back, or `irreversible: WHY`"
            yield context.diagnostic("RB502", step.name, f"step `{step.id}` has no way back", hint)
