"""RB219: `${{ }}` where nothing fills it in."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.rb530_unknown_schema_word import WORDS
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import FieldDoc
from stanch.language.place import locate
from stanch.language.template import OPEN
from stanch.language.tree import Node, Scalar, scalars

_TEXTS = ("title", "owner", "symptoms", "impact")


def check(context: Context) -> Iterator[Diagnostic]:
    document = context.document
    for word in _TEXTS:
        if (node := document.node.get(word)) is not None:
            yield from _literal(context, node, f"the runbook's `{word}`")
    for each in document.inputs:
        yield from _schema(context, each, "input")
    for _, each in context.answers:
        yield from _schema(context, each, "answer")


def _schema(context: Context, each: FieldDoc, what: str) -> Iterator[Diagnostic]:
    filled = each.late_choices if what == "answer" else ()
    for entry in each.node.entries:
        if entry.name not in WORDS:
            continue  # it may be the word behind which it is filled in, misspelt
        yield from _literal(context, entry.value, f"`{entry.name}` of the {what} `{each.name.text}`", filled)


def _literal(
    context: Context, node: Node, what: str, filled: tuple[Scalar, ...] = ()
) -> Iterator[Diagnostic]:
    for scalar in scalars(node):
        if scalar in filled:
            continue
        if (at := scalar.text.find(OPEN)) >= 0:
            span = locate(context.document.source, scalar, at, at + len(OPEN))
            yield context.diagnostic("RB219", span, f"{what} stays as it is written: nothing fills it in")
