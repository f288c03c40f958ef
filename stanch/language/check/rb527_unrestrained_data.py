"""RB527: an input that may hold anything becomes a part of a URL or of a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.language.check.context import Context
from stanch.language.check.rb530_unknown_schema_word import WORDS
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import CallDoc, FieldDoc
from stanch.language.place import locate
from stanch.language.source import Span
from stanch.language.template import OPEN, Hole, UnclosedHole, split
from stanch.language.tree import Scalar

_TEXTS = {"http": ("url", "a URL"), "prometheus": ("query", "a query")}
_RESTRAINED = ("pattern", "enum", "const", "format")


def check(context: Context) -> Iterator[Diagnostic]:
    open_inputs = {f"inputs.{each.name.text}": each for each in context.document.inputs if _is_open(each)}
    if not open_inputs:
        return
    for step in context.steps:
        for call in step.calls:
            for name, what, span in _built(context, call, open_inputs):
                each = open_inputs.pop(name)
                related = (Related(span, f"it becomes a part of {what} here"),)
                message = f"`{each.name.text}` may hold anything, and it becomes a part of {what}"
                hint = 'say what it may be, with `enum` or `pattern: "^[a-z0-9-]+$"`'
                yield context.diagnostic("RB527", each.name.span, message, hint, related)


def _is_open(each: FieldDoc) -> bool:
    kind = each.node.get("type")
    is_text = isinstance(kind, Scalar) and kind.text == "string"
    if not is_text or any(each.node.entry(word) is not None for word in _RESTRAINED):
        return False
    # A word that is misspelt has been spoken of: it may be the one that restrains.
    return all(entry.name in WORDS for entry in each.node.entries)


def _built(context: Context, call: CallDoc, names: Mapping[str, FieldDoc]) -> Iterator[tuple[str, str, Span]]:
    """The inputs that stand as they are in the text of a URL or query, each once."""
    word, what = _TEXTS.get(call.action, ("", ""))
    text = call.param(word)
    if not isinstance(text, Scalar) or OPEN not in text.text:
        return
    try:
        parts = split(text.text)
    except UnclosedHole:
        return
    if isinstance(parts[0], Hole) and word == "url":
        return  # the whole address is somebody's choice, which is another matter
    for hole in parts:
        if isinstance(hole, Hole) and hole.cel in names:
            end = hole.start + len(hole.cel)
            yield hole.cel, what, locate(context.document.source, text, hole.start, end)
