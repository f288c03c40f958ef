"""RB214: a promise that this release does not keep yet."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.template import OPEN


def check(context: Context) -> Iterator[Diagnostic]:
    document = context.document
    if document.locks:
        message = "no lease is held yet: this release keeps `locks` in the plan and does not act on them"
        yield context.diagnostic("RB214", document.key("locks"), message)
    if document.node.entry("severities") is not None:
        message = "`severities` does not keep this release from running at another severity"
        yield context.diagnostic("RB214", document.key("severities"), message)
    for step in context.steps():
        if step.timeout is not None and step.kind not in ("action", "unsupported"):
            message = "`timeout` without an action does not end anything in this release"
            yield context.diagnostic("RB214", step.key("timeout"), message)
        for word, text in (("title", step.title), ("irreversible", step.irreversible)):
            if text is not None and OPEN in text.text:
                message = (
                    f"`{word}` is shown as it is written: this release does not fill in its `${{{{ }}}}`"
                )
                yield context.diagnostic("RB214", step.key(word), message)
