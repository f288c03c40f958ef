"""RB308: a trigger whose inputs do not fit the runbook's."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.json_schema import first_problem, value_problem
from stanch.language.plan import Json
from stanch.language.source import Span
from stanch.language.template import OPEN
from stanch.language.tree import Entry, Node, plain, scalars
from stanch.language.words import did_you_mean, nearest


def check(context: Context) -> Iterator[Diagnostic]:
    declared = {each.name.text: each for each in context.document.inputs}
    if "inputs" in context.document.lost:
        return
    unknown = {reference.name for _, reference in context.first_wrong("unknown")}
    for trigger in context.document.triggers:
        given = {entry.name for entry in trigger.inputs}
        given |= {nearest(name, declared) or "" for name in given - declared.keys()}
        for entry in trigger.inputs:
            if entry.name not in declared:
                if f"inputs.{entry.name}" in unknown:
                    continue  # steps read it, too: it is the declaration that is wrong, and that was said
                message = f"the runbook has no input `{entry.name}`"
                hint = did_you_mean(entry.name, list(declared))
                yield context.diagnostic("RB308", entry.key.span, message, hint)
            elif (problem := _misfit(entry.value, plain(declared[entry.name].node))) is not None:
                message = f"`{entry.name}` {problem}"
                yield context.diagnostic("RB308", entry.value.span, message)
        for name, each in declared.items():
            if name not in given and each.node.entry("default") is None:
                span = _head(trigger.node.entry("inputs"), trigger.when.scalar.span)
                related = (Related(each.name.span, f"`{name}` is declared"),)
                hint = f"give it, or declare a default for `{name}`"
                message = f"the trigger does not give the input `{name}`"
                yield context.diagnostic("RB308", span, message, hint, related)


def _misfit(value: Node, schema: Json) -> str | None:
    """What is wrong with a value that is written out; one with `${{ }}` is judged when it is known."""
    if any(OPEN in scalar.text for scalar in scalars(value)) or first_problem(schema) is not None:
        return None
    return value_problem(schema, plain(value))


def _head(entry: Entry | None, otherwise: Span) -> Span:
    return otherwise if entry is None else entry.key.span
