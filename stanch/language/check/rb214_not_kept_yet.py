"""RB214: a promise that this release does not keep yet."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    document = context.document
    if document.locks:
        message = "no lease is held yet: this release keeps `locks` in the plan and does not act on them"
        yield context.diagnostic("RB214", document.key("locks"), message)
    for step in context.steps:
        if step.revert is not None and step.revert.at in ("after", "when", "ask"):
            message = "nothing waits for this after the run has ended: this release keeps it in the plan"
            hint = "say `revert: end_of_run`, or write a runbook that takes it back when the time has come"
            yield context.diagnostic("RB214", step.revert.key, message, hint)
