"""RB307: `verify` repeats a step that cannot be repeated."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc, step_effect
from stanch.language.source import Span
from stanch.language.words import did_you_mean


def check(context: Context) -> Iterator[Diagnostic]:
    order = list(context.steps_in_blocks())
    ids = [step.id for step, _ in order]
    places = {step.id: (at, step, blocks) for at, (step, blocks) in enumerate(order)}
    for at, (step, _) in enumerate(order):
        named = None if step.verify is None else step.verify.step
        if named is None:
            continue
        if named.text not in places:
            message = f"`verify` repeats `{named.text}`, and there is no such step"
            yield context.diagnostic("RB307", named.span, message, did_you_mean(named.text, ids))
            continue
        position, repeated, blocks = places[named.text]
        problem = "it has not run yet" if position >= at else _problem(repeated, blocks)
        if problem is not None:
            yield _diagnostic(context, named.span, repeated, problem)


def _problem(repeated: StepDoc, blocks: tuple[StepDoc, ...]) -> str | None:
    if repeated.kind == "unsupported" or "effect" in repeated.lost:
        return None
    if repeated.kind != "action":
        return "it has no action to repeat"
    if step_effect(repeated) == "change":
        return "it changes something; a check only reads"
    if any(step.loop is not None for step in (repeated, *blocks)):
        return "it runs once for every item of a list; write the read out"
    return None


def _diagnostic(context: Context, span: Span, repeated: StepDoc, problem: str) -> Diagnostic:
    related = (Related(repeated.name, f"`{repeated.id}` is declared"),)
    message = f"`verify` cannot repeat `{repeated.id}`: {problem}"
    return context.diagnostic("RB307", span, message, None, related)
