"""RB516: a call of a runbook that leaves it to its callers to have its changes approved, and nobody does."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.calls import calls_of
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.words import listed


def check(context: Context) -> Iterator[Diagnostic]:
    if context.covered:
        return
    for call in calls_of(context.document):
        known = context.interfaces.get(call.name)
        if call.covered or known is None or not known.uncovered or known.hidden_from(context.path):
            continue
        message = f"`{call.name}` changes something in {listed(known.uncovered)}, and nobody approves it"
        hint = "add `approval: incident_commander` here, or give `{}` approvals of its own"
        yield context.diagnostic("RB516", call.child.runbook.span, message, hint.format(call.name))
