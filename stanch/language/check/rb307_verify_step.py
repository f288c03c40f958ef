"""RB307: `verify` repeats a step that cannot be repeated."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Blocks, Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc
from stanch.language.effect import tells
from stanch.language.source import Span
from stanch.language.words import did_you_mean


def check(context: Context) -> Iterator[Diagnostic]:
    repeating = [(step, word, check.step) for step, word, check in context.checks if word != "done"]
    if all(named is None for _, _, named in repeating):
        return
    places = {step.id: at for at, step in enumerate(context.steps)}
    unknown = {each.chain.parts[1] for _, each in context.wrong_references if each.status == "later"}
    for step, word, named in repeating:
        if named is None:
            continue
        if named.text not in places:
            if named.text in unknown:
                continue  # others read it, too, and it was said that there is none
            message = f"`{word}` repeats `{named.text}`, and there is no such step"
            hint = did_you_mean(named.text, places)
            yield context.diagnostic("RB307", named.span, message, hint)
            continue
        repeated, blocks = context.steps_in_blocks[places[named.text]]
        late = places[named.text] >= context.steps.index(step)
        problem = "it has not run yet" if late else _problem(repeated, blocks)
        if problem is not None:
            yield _diagnostic(context, word, named.span, repeated, problem)


def _problem(repeated: StepDoc, blocks: Blocks) -> str | None:
    if repeated.kind == "broken" or "effect" in repeated.lost:
        return None
    if repeated.kind != "action":
        return "it has no action to repeat"
    if repeated.call is not None and repeated.call.by_hand:
        return "a person would have to do it again"
    if tells(repeated.call):
        return "it tells people something, each time"
    if repeated.effect == "change":
        return "it changes something; a check only reads"
    if any(step.loop is not None for step in (repeated, *blocks)):
        return "it runs once for every item of a list; write the read out"
    return None


def _diagnostic(context: Context, word: str, span: Span, repeated: StepDoc, problem: str) -> Diagnostic:
    related = (Related(repeated.name, f"`{repeated.id}` is declared"),)
    message = f"`{word}` cannot repeat `{repeated.id}`: {problem}"
    return context.diagnostic("RB307", span, message, None, related)
