"""RB509: an approval, or an answer, that nobody can give."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc

_HINT = "write `from: incident_commander`"


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.approval is not None and "approval" not in step.lost:
            yield from _approval(context, step)
        if step.ask is not None and not step.ask.roles and "ask" not in step.lost:
            message = f"nobody can answer step `{step.id}`: no role is named"
            yield context.diagnostic("RB509", step.ask.key, message, _HINT)
        if step.revert is not None and step.revert.roles == () and "revert" not in step.lost:
            message = f"nobody can let the change of step `{step.id}` come back: no role is named"
            yield context.diagnostic(
                "RB509", step.revert.key, message, "name a role such as `technical_lead`"
            )


def _approval(context: Context, step: StepDoc) -> Iterator[Diagnostic]:
    approval = step.approval
    assert approval is not None
    if not approval.roles:
        message = f"nobody can approve step `{step.id}`: no role is named"
        yield context.diagnostic("RB509", approval.key, message, _HINT)
    elif approval.any is not None and approval.of_roles > len(approval.roles):
        named = f"{len(approval.roles)} are named" if len(approval.roles) > 1 else "one is named"
        message = f"{approval.of_roles} roles must agree, and {named}"
        hint = "`quorum` says how many different people must agree" if len(approval.roles) == 1 else None
        yield context.diagnostic("RB509", approval.any.span, message, hint)
