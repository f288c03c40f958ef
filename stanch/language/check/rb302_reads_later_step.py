"""RB302: a step reads another one that runs later, or itself too early."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.rb320_reads_beside import run_at_once
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.scope import ROUNDS


def check(context: Context) -> Iterator[Diagnostic]:
    if not context.wrong_references:
        return
    steps = {step.id: step for step in context.steps}
    for use, reference in context.wrong_references:
        if reference.status == "itself":
            yield _itself(context, use, reference)
            continue
        read = steps.get(reference.chain.parts[1]) if reference.status == "later" else None
        if read is not None and not run_at_once(context, use, read):
            yield _later(context, use, reference, read)


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
    read = reference.chain.parts[2]
    message = f"step `{name}` reads its own `{read}`, which does not exist yet"
    hint = "what the action gave is `result` here" if use.scope.result is not None else None
    if read in ROUNDS and use.scope.own is not None:
        hint = f"behind the loop `results` has every round; a round reads its own `steps.{name}.NAME`"
    return context.diagnostic("RB302", context.name_place(use, reference, 3), message, hint)


def _encloses(block: StepDoc, step: StepDoc) -> bool:
    return any(inner is step or _encloses(inner, step) for inner in block.steps)
