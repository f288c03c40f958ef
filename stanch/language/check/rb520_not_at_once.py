"""RB520: changes, or questions to a person, at the same time."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc, walk
from stanch.language.source import Span


def check(context: Context) -> Iterator[Diagnostic]:
    said: set[str] = set()
    for step in context.steps:
        if (parallel := _parallel(step)) is None:
            continue
        for inner in walk((step,)):
            problem = _problem(context, inner)
            if problem is None or inner.id in said:
                continue
            said.add(inner.id)
            what, hint = problem
            related = (Related(parallel, f"`{step.id}` does it all at once"),)
            message = f"step `{inner.id}` {what}, so it cannot run beside others"
            yield context.diagnostic("RB520", inner.name, message, hint, related)


def _parallel(step: StepDoc) -> Span | None:
    if step.parallel and (step.kind == "block" or step.loop is not None):
        return step.key("parallel")
    return step.loop.key if step.loop is not None and step.loop.parallel else None


def _problem(context: Context, step: StepDoc) -> tuple[str, str] | None:
    if step.kind == "ask":
        return "asks a person", "ask before or behind it"
    if step.call is not None and step.call.by_hand:
        return "is done by a person", "do it before or behind"
    if step.child is not None:
        known = context.interfaces.get(step.child.runbook.text)
        if known is not None and known.changes:
            return f"calls `{known.runbook}`, which changes something", "take `parallel` away"
    if step.effect == "change":
        return "changes something", "take `parallel` away; `batches` bound how many rounds go together"
    return None
