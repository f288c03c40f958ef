"""RB312: a call whose inputs do not fit the runbook that is called."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.given import misgiven
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.child is None or "inputs" in step.lost:
            continue
        known = context.interfaces.get(step.child.runbook.text)
        if known is not None and not known.hidden_from(context.path):
            for each in misgiven(context, step.child, known):
                yield context.diagnostic("RB312", each.span, each.message, each.hint)
