"""RB534: a loop whose items nothing reads, so that every round does the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanch.language.chains import roots
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc, walk
from stanch.language.scope import ROOTS


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.loop is None or (name := step.loop.name).text in ROOTS or _is_read(context, step, name.text):
            continue
        message = f"nothing reads `{name.text}`, so every round does the same"
        hint = f"put `${{{{ {name.text} }}}}` where the rounds differ, or take `for_each` out"
        yield context.diagnostic("RB534", name.span, message, hint)


def _is_read(context: Context, step: StepDoc, name: str) -> bool:
    uses = (use for use in context.annotated.uses if use.broken or name in use.cel)
    if any(step.id in use.scope.rounds and (use.broken or name in roots(use.cel)) for use in uses):
        return True
    # What was not understood, or not read, may be what reads it.
    written = context.document.source.text[step.node.start : step.node.end]
    lost = any(inner.lost or inner.kind == "broken" for inner in walk((step,)))
    return lost or re.search(rf"\$\{{\{{[^}}]*\b{re.escape(name)}\b", written) is not None
