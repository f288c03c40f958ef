"""RB527: what people, alerts and hosts said, and may be anything, becomes a part of a URL, of a query or of a
name whose records are changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from stanch.language.check.context import Context
from stanch.language.check.rb530_unknown_schema_word import WORDS
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import CallDoc, FieldDoc, OutputDoc, StepDoc
from stanch.language.place import locate
from stanch.language.scope import result_fields
from stanch.language.source import Span
from stanch.language.template import OPEN, Hole, UnclosedHole, split
from stanch.language.tree import Scalar, Sequence
from stanch.language.types import DYN, STRING

_TEXTS = {
    "dns": ("names", "a name whose records are changed"),
    "http": ("url", "a URL"),
    "logs": ("query", "a query"),
    "prometheus": ("query", "a query"),
}
_RESTRAINED = ("pattern", "enum", "const", "format")
_FROM_OUTSIDE = re.compile(
    r"(?:string\s*\(\s*)?result\b(?:(?:\[\d+\])?\.(?P<field>\w+))?[^()]*(?:\.(?:trim|lowerAscii|upperAscii)\(\))*\s*\)?",
    re.ASCII,
)
"""An output that is a part of what was said, as it came: `string(result.json.pool)`."""
_SAYING = frozenset({"ssh", "command", "ansible", "logs", "manual"})
"""Actions that give what was printed or what a person wrote. An id that an API gave belongs into its URLs."""
_Open: TypeAlias = Mapping[str, FieldDoc | OutputDoc]
"""By name, `inputs.x` or `steps.x.y`: what may hold anything."""


def check(context: Context) -> Iterator[Diagnostic]:
    built = [found for _, call in context.calls if call.action in _TEXTS for found in _built(call)]
    if not built:
        return
    read = {hole.cel for hole, _, _ in built}
    known: dict[str, FieldDoc | OutputDoc] = {**_fields(context, read), **dict(_outputs(context, read))}
    for hole, text, what in built:
        if (each := known.pop(hole.cel, None)) is not None:
            span = locate(context.document.source, text, hole.start, hole.start + len(hole.cel))
            yield _diagnostic(context, each, hole.cel, what, span)


def _diagnostic(context: Context, each: FieldDoc | OutputDoc, name: str, what: str, span: Span) -> Diagnostic:
    related = (Related(span, f"it becomes a part of {what} here"),)
    if isinstance(each, FieldDoc):
        shown, hint = each.name.text, 'say what it may be, with `enum` or `pattern: "^[a-z0-9-]+$"`'
    else:
        shown = name
        hint = f'say what it may be: `require` that `{name}.matches("^[a-z0-9-]+$")`, or `extract` it'
    message = f"`{shown}` may hold anything, and it becomes a part of {what}"
    return context.diagnostic("RB527", each.name.span, message, hint, related)


def _fields(context: Context, read: set[str]) -> dict[str, FieldDoc]:
    """What alerts and people give, of the names that are read."""
    found = {f"inputs.{each.name.text}": each for each in context.document.inputs}
    found |= {f"steps.{step.id}.{each.name.text}": each for step, each in context.answers}
    return {name: each for name, each in found.items() if name in read and _is_open(each)}


def _is_open(each: FieldDoc) -> bool:
    kind = each.node.get("type")
    is_text = isinstance(kind, Scalar) and kind.text == "string"
    if not is_text or any(each.node.entry(word) is not None for word in _RESTRAINED):
        return False
    # A word that is misspelt has been spoken of: it may be the one that restrains.
    return all(entry.name in WORDS for entry in each.node.entries)


def _outputs(context: Context, read: set[str]) -> Iterator[tuple[str, OutputDoc]]:
    """Texts that steps hand on as the outside gave them, and that nothing asks for their form."""
    for step in context.by_word.get("outputs", ()):
        if step.loop is not None or step.call is None or step.call.action not in _SAYING:
            continue
        for output in step.outputs:
            name = f"steps.{step.id}.{output.name.text}"
            if name in read and _is_from_outside(context, step, output) and not _is_required(context, name):
                yield name, output


def _is_required(context: Context, name: str) -> bool:
    """Whether something asks for the form of the value, or for anything else of it."""
    required = (*context.document.require, *(each for step in context.steps for each in step.require))
    return any(name in each.that.cel for each in required)


def _is_from_outside(context: Context, step: StepDoc, output: OutputDoc) -> bool:
    if (found := _FROM_OUTSIDE.fullmatch(output.value.cel)) is None:
        return False
    spec = None if step.call is None else step.call.spec
    fields = {} if spec is None else result_fields(spec)
    if fields.get(found["field"], DYN) in ("int", "double", "bool"):
        return False  # as a text it is still one
    names = context.annotated.names.get(step.id)
    return names is not None and names.outputs.get(output.name.text) in (STRING, DYN)


def _built(call: CallDoc) -> Iterator[tuple[Hole, Scalar, str]]:
    """The values that are put into the text of a URL or query, with what that is."""
    word, what = _TEXTS[call.action]
    written = call.param(word)
    for text in written.items if isinstance(written, Sequence) else (written,):
        if isinstance(text, Scalar) and OPEN in text.text:
            for hole in _holes(text.text, word):
                yield hole, text, what


def _holes(text: str, word: str) -> list[Hole]:
    try:
        parts = split(text)
    except UnclosedHole:
        return []
    if isinstance(parts[0], Hole) and word == "url":
        return []  # the whole address is somebody's choice, which is another matter
    return [part for part in parts if isinstance(part, Hole)]
