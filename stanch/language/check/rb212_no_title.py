"""RB212: no title."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    document = context.document
    if not document.title and "title" not in document.lost:
        hint = "say in a few words what the runbook does: `title: ...`"
        yield context.diagnostic("RB212", document.key("runbook"), "the runbook has no title", hint)
