"""RB306: an output, or a field that a person is asked for, that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.mentions import meant_outputs, mentioned, misplaced, read_whole, selected
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import FieldDoc, StepDoc
from stanch.language.tree import Scalar


def check(context: Context) -> Iterator[Diagnostic]:
    for step in _behind_all_approvals(context):
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


def _behind_all_approvals(context: Context) -> tuple[StepDoc, ...]:
    """The steps of which no request shows what they gave: an approval shows the outputs of all before it."""
    asking = context.by_word.get("approval")
    return context.steps if asking is None else context.steps[context.steps.index(asking[-1]) :]


def _is_mentioned(context: Context, step: StepDoc, name: str) -> bool:
    """Whether the name stands anywhere as something that is read, of all rounds of a loop too."""
    read = mentioned(context.document)
    if ("steps", step.id, name) in read or step.id in read_whole(context) or name in misplaced(context):
        return True
    named = ("steps", step.id, "results") in read or (step.id, "results") in meant_outputs(context)
    return named and name in selected(context.document)


def _given(step: StepDoc) -> Iterator[tuple[str, Scalar]]:
    for output in step.outputs:
        yield "output", output.name
    if step.ask is not None:
        for field in step.ask.fields:
            if not _is_note(field):
                yield "answer", field.name


def _is_note(field: FieldDoc) -> bool:
    """Whether it is text of a person's own, such as a reason: it is asked for to be on record."""
    kind = field.node.get("type")
    return isinstance(kind, Scalar) and kind.text == "string" and field.node.entry("enum") is None
