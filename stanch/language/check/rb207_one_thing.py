"""RB207: a step, `done`, `verify` or `undo` does exactly one thing."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc
from stanch.language.tree import Mapping
from stanch.language.words import listed

_CALLS = ("done", "verify", "undo")


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps():
        if step.kind == "unsupported":
            continue
        kinds = [entry for entry in step.node.entries if entry.name in {*context.actions, "steps", "wait"}]
        if len(kinds) > 1:
            names = listed([entry.name for entry in kinds])
            message = f"a step does one thing, and this one has {names}"
            yield context.diagnostic("RB207", kinds[1].key.span, message, "make a step of each")
        elif step.kind == "compute" and not step.lost and not step.outputs and not step.require:
            hint = "give it an action, `steps`, `wait`, `outputs` or `require`"
            yield context.diagnostic("RB207", step.name, f"step `{step.id}` does nothing", hint)
        for word in _CALLS:
            if word not in step.lost:
                yield from _call(context, step, word)


def _call(context: Context, step: StepDoc, word: str) -> Iterator[Diagnostic]:
    entry = step.node.entry(word)
    if entry is None or not isinstance(entry.value, Mapping):
        return
    calls = [inner for inner in entry.value.entries if inner.name in {*context.actions, "step"}]
    if len(calls) > 1:
        names = listed([inner.name for inner in calls])
        yield context.diagnostic(
            "RB207", calls[1].key.span, f"`{word}` has one action, and this one has {names}"
        )
    elif not calls:
        hint = (
            "add an action"
            if word != "verify"
            else "add an action, or `step:` with the id of an earlier read"
        )
        yield context.diagnostic("RB207", entry.key.span, f"`{word}` has no action", hint)
