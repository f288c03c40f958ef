"""RB210: an input, or a field that a person is asked for, whose schema or default is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import FieldDoc
from stanch.language.hints import TYPES
from stanch.language.json_schema import first_problem, value_problem
from stanch.language.plan import Json
from stanch.language.tree import plain

_SHORT = 60
"""Characters of a text that a hint repeats."""


def check(context: Context) -> Iterator[Diagnostic]:
    for each in context.document.inputs:
        yield from _field(context, "input", each)
    for _, each in context.answers:
        yield from _field(context, "field", each)


def _field(context: Context, what: str, each: FieldDoc) -> Iterator[Diagnostic]:
    schema = plain(each.node)
    if what == "field" and each.late_choices:
        # What may be chosen is known only in a run.
        for holder in (schema, schema.get("items")):
            if isinstance(holder, dict) and isinstance(holder.get("enum"), str):
                del holder["enum"]
    name = each.name.text
    if (problem := first_problem(schema)) is not None:
        message = f"the schema of {what} `{name}` is wrong: {problem}"
        yield context.diagnostic("RB210", each.name.span, message, _hint(schema))
        return
    default = each.node.entry("default")
    if default is not None and (problem := value_problem(schema, schema["default"])) is not None:
        message = f"the default of {what} `{name}` {problem}"
        yield context.diagnostic("RB210", default.value.span, message)


def _hint(schema: Json) -> str | None:
    """For words that other kinds of schema have like this."""
    if isinstance(schema.get("required"), bool):
        needed = "an input without a `default` must be given" if schema["required"] else "give it a `default`"
        return f"take `required` out: {needed}"
    if isinstance(items := schema.get("items"), str) and items.isidentifier():
        return f"write `items: {{type: {TYPES.get(items, items)}}}`"
    if isinstance(values := schema.get("enum"), str) and len(values) < _SHORT:
        return f"write `enum: [{', '.join(values.replace(',', ' ').split())}]`"
    return None
