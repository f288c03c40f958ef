"""RB210: an input whose schema or default is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import InputDoc
from stanch.language.json_schema import first_problem, value_problem
from stanch.language.tree import plain


def check(context: Context) -> Iterator[Diagnostic]:
    for each in context.document.inputs:
        yield from _input(context, each)


def _input(context: Context, each: InputDoc) -> Iterator[Diagnostic]:
    schema = plain(each.node)
    name = each.name.text
    if (problem := first_problem(schema)) is not None:
        yield context.diagnostic("RB210", each.name.span, f"the schema of input `{name}` is wrong: {problem}")
        return
    default = each.node.entry("default")
    if default is not None and (problem := value_problem(schema, schema["default"])) is not None:
        message = f"the default of input `{name}` {problem}"
        yield context.diagnostic("RB210", default.value.span, message)
