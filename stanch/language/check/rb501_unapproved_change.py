"""RB501: a change that nobody approves."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.calls import open_changes
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    if context.covered:
        return
    for step in open_changes(context.document):
        if step.call is None:
            continue  # nobody knows the action, and it may be one that needs no approval
        hint = "add `approval: incident_commander`, or `unattended: WHY` if nobody has to be asked"
        message = f"step `{step.id}` changes something and nobody approves it"
        yield context.diagnostic("RB501", step.name, message, hint)
