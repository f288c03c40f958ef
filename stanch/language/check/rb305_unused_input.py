"""RB305: an input that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.mentions import meant_inputs, mentioned
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for each in context.document.inputs:
        name = each.name.text
        if f"inputs.{name}" in context.names_read or ("inputs", name) in mentioned(context.document):
            continue
        if name not in meant_inputs(context):
            yield context.diagnostic("RB305", each.name.span, f"nothing reads the input `{name}`")
