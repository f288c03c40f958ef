"""RB316: a finding suggests a runbook that cannot be started like this."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.given import misgiven, similar
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import ChildDoc
from stanch.language.words import listed


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        for finding in step.findings:
            if finding.suggest is not None:
                yield from _suggestion(context, finding.suggest)


def _suggestion(context: Context, suggest: ChildDoc) -> Iterator[Diagnostic]:
    name, span = suggest.runbook.text, suggest.runbook.span
    known = context.interfaces.get(name)
    if known is None:
        message = f"there is no runbook `{name}` to suggest"
        yield context.diagnostic("RB316", span, message, similar(name, context))
        return
    if known.private:
        message = f"`{name}` cannot be started by itself: it is called only from `{known.path}`"
        hint = f"move it into a file of its own, `{name}.yaml`"
        yield context.diagnostic("RB316", span, message, hint)
    elif known.uncovered:
        message = f"`{name}` cannot be started by itself: nobody approves {listed(known.uncovered)}"
        hint = "give it an approval of its own, or suggest a runbook that calls it"
        yield context.diagnostic("RB316", span, message, hint)
    for each in misgiven(context, suggest, known):
        yield context.diagnostic("RB316", each.span, each.message, each.hint)
