"""RB302: a step reads another one that runs later, or itself too early."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc
from stanch.language.judge import Use
from stanch.language.references import Reference


def check(context: Context) -> Iterator[Diagnostic]:
    steps = {step.id: step for step in context.steps()}
    for use, reference in context.references():
        if reference.status == "itself":
            yield _itself(context, use, reference)
        elif reference.status == "later" and reference.chain.parts[1] in steps:
            yield _later(context, use, reference, steps[reference.chain.parts[1]])


def _later(context: Context, use: Use, reference: Reference, read: StepDoc) -> Diagnostic:
    reader = use.scope.step
    who = "this" if reader is None else f"step `{reader.id}`"
    related = (Related(read.name, f"`{read.id}` is declared"),)
    span = context.name_place(use, reference, 2)
    if reader is not None and _encloses(read, reader):
        message = f"{who} stands inside of `{read.id}`, which has not ended yet"
        return context.diagnostic("RB302", span, message, None, related)
    hint = f"move `{read.id}` above `{reader.id}`" if reader is not None else None
    message = f"{who} reads the output of `{read.id}`, which runs later"
    return context.diagnostic("RB302", span, message, hint, related)


def _itself(context: Context, use: Use, reference: Reference) -> Diagnostic:
    name = reference.chain.parts[1]
    message = f"step `{name}` reads its own `{reference.chain.parts[2]}`, which does not exist yet"
    hint = "what the action gave is `result` here" if use.scope.result is not None else None
    return context.diagnostic("RB302", context.name_place(use, reference, 3), message, hint)


def _encloses(block: StepDoc, step: StepDoc) -> bool:
    return any(inner is step or _encloses(inner, step) for inner in block.steps)
