"""RB209: the runbook's name is not its file's."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.file_name import runbook_of


def check(context: Context) -> Iterator[Diagnostic]:
    name, expected = context.document.runbook, runbook_of(context.path)
    if context.private or expected is None or not name or expected == name:
        return
    entry = context.document.node.get("runbook")
    span = context.document.key("runbook") if entry is None else entry.span
    message = f"the runbook `{name}` stands in a file called `{expected}`"
    yield context.diagnostic("RB209", span, message, f"rename the file to `{name}.yaml`, or the runbook")
