"""RB529: a value in brackets that nothing fills in: `{{ inputs.x }}` and its like are text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc
from stanch.language.place import locate
from stanch.language.template import UnclosedHole, split
from stanch.language.tree import Node, Scalar, scalars

_RUN = "id|short_id|url|mode|started|now|incident|findings"
_CHAIN = rf"(?:inputs\.\w+|steps\.\w+\.\w+|run\.(?:{_RUN})\b)"
_DOUBLE = r"(?:(?<!\$)\{\{|\$\s+\{\{|\$\s*\{\s+\{)[-\s]*"
_SINGLE = r"\$[{(]\s*"
_REST = r"(?:[^{}()\n]{0,60}[)}]{1,2})?"
_WRONG = rf"(?:{_DOUBLE}|{_SINGLE})(?P<cel>{_CHAIN}){_REST}"
_BARE = re.compile(r"\{(?<!\$\{)\{")
"""`{{` without a `$`; it begins with the bracket, so that the search runs from one to the next."""
_SUSPECT = re.compile(r"\$(?:\s+\{|\{(?!\{)|\()")
_NOT_FILLED = frozenset({"title", "owner", "symptoms", "impact"})
"""Words of the runbook whose text stays as it is, whatever brackets are in it."""
_JINJA = "ansible"
"""In whose own language `{{ host }}` has a meaning."""


def check(context: Context) -> Iterator[Diagnostic]:
    text = context.document.source.text
    if _BARE.search(text) is None and _SUSPECT.search(text) is None:
        return  # nearly all files
    bare = frozenset(id(use.expression.scalar) for use in context.annotated.uses if not use.expression.offset)
    for entry in context.document.node.entries:
        if entry.name not in ("steps", "inputs"):
            hint = "nothing is filled in here: say it without" if entry.name in _NOT_FILLED else None
            yield from _texts(context, entry.value, (), bare, hint)
    for step, blocks in context.steps_in_blocks:
        rounds = tuple(each.loop.name.text for each in (*blocks, step) if each.loop is not None)
        yield from _step(context, step, rounds, bare)


def _step(
    context: Context, step: StepDoc, rounds: tuple[str, ...], bare: frozenset[int]
) -> Iterator[Diagnostic]:
    for entry in step.node.entries:
        if entry.name != "steps":
            known = () if any(call.action == _JINJA for call in step.calls) else rounds
            yield from _texts(context, entry.value, known, bare)


def _texts(
    context: Context, node: Node, rounds: tuple[str, ...], bare: frozenset[int], hint: str | None = None
) -> Iterator[Diagnostic]:
    """What is wrong in the texts of `node`; expressions that stand `bare` are judged as CEL."""
    for scalar in scalars(node):
        if not ("{" in scalar.text or "$(" in scalar.text) or scalar.refused or id(scalar) in bare:
            continue
        for start, end, cel in _wrong(scalar, rounds):
            span = locate(context.document.source, scalar, start, end)
            message = f"`{scalar.text[start:end]}` stays text: nothing fills it in"
            yield context.diagnostic("RB529", span, message, hint or f"did you mean `${{{{ {cel} }}}}`?")


def _wrong(scalar: Scalar, rounds: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    """Where they begin and end in the text, each with the name in it."""
    try:
        parts = split(scalar.text)
    except UnclosedHole:
        return
    at = 0
    for part in parts:
        if not isinstance(part, str):
            at = part.start + len(part.cel)
            continue
        at = scalar.text.find(part, at)
        for found in _pattern(rounds).finditer(part):
            yield at + found.start(), at + found.end(), found["cel"] or found["round"]
        at += len(part)


@lru_cache(maxsize=64)
def _pattern(rounds: tuple[str, ...]) -> re.Pattern[str]:
    """A loop's name counts only in double brackets: in single ones a shell reads its own variables."""
    names = "|".join(map(re.escape, rounds)) or r"(?!)"
    return re.compile(rf"{_WRONG}|{_DOUBLE}(?P<round>(?:{names})\b(?:\.\w+)*){_REST}")
