"""RB320: a step reads another one that runs at the same time."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc
from stanch.language.judge import Use


def check(context: Context) -> Iterator[Diagnostic]:
    if not context.wrong_references:
        return
    steps = {step.id: step for step in context.steps}
    for use, reference in context.wrong_references:
        if reference.status != "later":
            continue
        read = steps.get(reference.chain.parts[1])
        reader = use.scope.step
        if read is None or reader is None or (block := run_at_once(context, use, read)) is None:
            continue
        message = f"step `{reader.id}` reads the output of `{read.id}`, which runs at the same time"
        hint = f"move `{reader.id}` behind the block, or take `parallel` away"
        related = (
            Related(block.key("parallel"), f"the steps of `{block.id}` run at once"),
            Related(read.name, f"`{read.id}` is declared"),
        )
        span = context.name_place(use, reference, 2)
        yield context.diagnostic("RB320", span, message, hint, related)


def run_at_once(context: Context, use: Use, read: StepDoc) -> StepDoc | None:
    """The parallel block in which the step of the expression and `read` run beside one another, if any."""
    if use.scope.step is None:
        return None
    others = (*context.blocks[read.id], read)
    own = (*context.blocks.get(use.scope.step.id, ()), use.scope.step)
    shared = [one for one, other in zip(own, others, strict=False) if one is other]
    return shared[-1] if shared and shared[-1].parallel and len(shared) < min(len(own), len(others)) else None
