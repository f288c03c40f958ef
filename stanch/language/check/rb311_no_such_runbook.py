"""RB311: a call of a runbook that is not there."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.given import similar
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.child is None:
            continue
        name, span = step.child.runbook.text, step.child.runbook.span
        known = context.interfaces.get(name)
        if known is None:
            message = f"there is no runbook `{name}`"
            yield context.diagnostic("RB311", span, message, similar(name, context))
        elif known.hidden_from(context.path):
            message = f"`{name}` is called only from `{known.path}`, in which it stands"
            hint = f"move it into a file of its own, `{name}.yaml`"
            yield context.diagnostic("RB311", span, message, hint)
