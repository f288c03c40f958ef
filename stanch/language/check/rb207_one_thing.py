"""RB207: a step, `done`, `verify` or `undo` does exactly one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc
from stanch.language.tree import Mapping
from stanch.language.words import listed

_KINDS = frozenset({"steps", "runbook", "ask", "wait"})
_CALLS = frozenset({"done", "verify", "undo", "revert"})


def check(context: Context) -> Iterator[Diagnostic]:
    kinds, calls = context.actions | _KINDS, context.actions | {"step"}
    named = [step for word in kinds & context.by_word.keys() for step in context.by_word[word]]
    once = len(set(named)) == len(named)  # in most files every step is
    several = () if once else {step for step, count in Counter(named).items() if count > 1}
    for step in context.steps:
        if step.kind == "broken":
            if not step.lost:
                hint = f"add what it does: {listed(sorted(context.actions), 'or')}"
                yield context.diagnostic("RB207", step.name, f"step `{step.id}` has no action", hint)
            continue
        if step in several:
            found = [entry for entry in step.node.entries if entry.name in kinds]
            names = listed([entry.name for entry in found])
            message = f"a step does one thing, and this one has {names}"
            yield context.diagnostic("RB207", found[1].key.span, message, "make a step of each")
        elif step.kind == "compute" and not step.lost and not (step.outputs or step.require or step.findings):
            hint = "give it an action, `steps`, `runbook`, `ask`, `wait`, `outputs`, `require` or `findings`"
            yield context.diagnostic("RB207", step.name, f"step `{step.id}` does nothing", hint)
    for step in context.saying(*_CALLS):
        for entry in step.node.entries if step.kind != "broken" else ():
            if entry.name in _CALLS and entry.name not in step.lost and isinstance(entry.value, Mapping):
                yield from _call(context, step, entry.name, entry.value, calls)


def _call(
    context: Context, step: StepDoc, word: str, value: Mapping, names: frozenset[str]
) -> Iterator[Diagnostic]:
    if word == "revert":
        inner = value.get("when")
        if not isinstance(inner, Mapping):
            return
        word, value = "when", inner
    calls = [inner for inner in value.entries if inner.name in names]
    if len(calls) > 1:
        several = listed([inner.name for inner in calls])
        message = f"`{word}` has one action, and this one has {several}"
        yield context.diagnostic("RB207", calls[1].key.span, message)
    elif not calls:
        may_repeat = word in ("verify", "when")
        hint = "add an action, or `step:` with the id of an earlier read" if may_repeat else "add an action"
        span = step.key(word) if word != "when" else value.entries[0].key.span
        yield context.diagnostic("RB207", span, f"`{word}` has no action", hint)
