"""RB306: an output, or a field that a person is asked for, that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.mentions import meant_outputs, mentioned, selected
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc
from stanch.language.tree import Scalar


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if "id" in step.lost or not step.id:
            continue
        for what, name in _given(step):
            if f"steps.{step.id}.{name.text}" in context.names_read:
                continue
            if _is_mentioned(context, step, name.text) or (step.id, name.text) in meant_outputs(context):
                continue
            hint = "give it to the runbook's `outputs`, or take it out"
            message = f"nothing reads the {what} `{name.text}` of `{step.id}`"
            yield context.diagnostic("RB306", name.span, message, hint)


def _is_mentioned(context: Context, step: StepDoc, name: str) -> bool:
    """Whether the name stands anywhere as something that is read, of all rounds of a loop too."""
    read = mentioned(context.document)
    if ("steps", step.id, name) in read:
        return True
    named = ("steps", step.id, "results") in read or (step.id, "results") in meant_outputs(context)
    return named and name in selected(context.document)


def _given(step: StepDoc) -> Iterator[tuple[str, Scalar]]:
    for output in step.outputs:
        yield "output", output.name
    if step.ask is not None:
        for field in step.ask.fields:
            yield "answer", field.name
