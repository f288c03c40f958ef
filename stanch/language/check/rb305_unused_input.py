"""RB305: an input that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.mentions import mentioned
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    read = mentioned(context.document)
    for each in context.document.inputs:
        name = each.name.text
        if ("inputs", name) not in read:
            yield context.diagnostic("RB305", each.name.span, f"nothing reads the input `{name}`")
