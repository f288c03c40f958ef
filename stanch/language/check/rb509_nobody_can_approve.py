"""RB509: an approval that nobody can give."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps():
        if step.approval is not None and not step.approval.roles and "approval" not in step.lost:
            message = f"nobody can approve step `{step.id}`: no role is named"
            yield context.diagnostic("RB509", step.approval.key, message, "write `from: incident_commander`")
