"""RB310: a name that means something already: a built-in one, a word of CEL, or that of a loop around."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.cel_error import KEYWORDS, RESERVED
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc
from stanch.language.scope import ROOTS, ROUND, STEP_STATE
from stanch.language.tree import Node


def check(context: Context) -> Iterator[Diagnostic]:
    for name, place in _fields(context):
        if name in KEYWORDS:
            message = f"`{name}` is a word of CEL, so no expression could read it under this name"
            yield context.diagnostic("RB310", place.span, message)
    for step, given in context.given:
        name = given.text
        if name not in KEYWORDS and (name in STEP_STATE or (step.loop is not None and name in ROUND)):
            message = f"`{name}` is what every {'round' if name in ROUND else 'step'} has by itself"
            yield context.diagnostic("RB310", given.span, message)
    for step, answer in context.answers:
        for output in step.outputs:
            if output.name.text == answer.name.text:
                message = f"`{output.name.text}` is what the person answers already"
                yield context.diagnostic("RB310", output.name.span, message)
    for step, blocks in context.steps_in_blocks:
        if step.loop is not None and (problem := _problem(step.loop.name.text, blocks)) is not None:
            yield context.diagnostic("RB310", step.loop.name.span, problem)


def _fields(context: Context) -> Iterator[tuple[str, Node]]:
    """Names that are read behind a dot: `inputs.x`, `steps.x.y`."""
    for each in context.document.inputs:
        yield each.name.text, each.name
    for step in context.steps:
        yield step.id, step.named
    for _, name in context.given:
        yield name.text, name


def _problem(name: str, blocks: tuple[StepDoc, ...]) -> str | None:
    if name in ROOTS:
        return f"`{name}` is a built-in name, and a loop cannot be called so"
    if name in RESERVED or name in KEYWORDS:
        return f"`{name}` is a word of CEL, and a loop cannot be called so"
    outer = next((block for block in blocks if block.loop is not None and block.loop.name.text == name), None)
    return None if outer is None else f"the loop around this one, of `{outer.id}`, is called `{name}` too"
