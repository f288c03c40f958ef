"""Where a piece of a scalar's text stands in the file: back through quotes, escapes and folded lines."""

from __future__ import annotations

import re
from array import array
from functools import lru_cache

from stanch.language.source import Source, Span
from stanch.language.tree import Scalar

_SPACE = " \t\r\n"
_ESCAPED = {"x": 4, "u": 6, "U": 10}
"""Characters of the escapes that are longer than two."""
_HEADER = re.compile(r"[|>][^\n\r]*(?:\r\n|[\n\r])?")


def locate(source: Source, scalar: Scalar, start: int, end: int) -> Span:
    """The span of the characters `start` up to `end` of the scalar's text."""
    raw, text = source.text[scalar.start : scalar.end], scalar.text
    if not text:
        return scalar.span
    first, last = min(start, len(text)), min(max(end - 1, start), len(text))
    if raw == text:
        begun, done = first, last + 1
    elif scalar.style in ("single", "double") and raw[1:-1] == text:
        begun, done = first + 1, last + 2
    else:
        offsets = _offsets(raw, text, scalar.style)
        begun, done = offsets[first], offsets[last] + 1
    return source.span(scalar.start + begun, min(scalar.start + done, scalar.end))


@lru_cache(maxsize=8)
def _offsets(raw: str, text: str, style: str) -> array[int]:
    """For each character of `text`, and for its end, the offset in `raw` that it came from."""
    at = 0
    if style in ("single", "double"):
        at = 1
    elif style in ("literal", "folded") and (header := _HEADER.match(raw)) is not None:
        at = header.end()
    found = array("L")
    for char in text:
        at = _next(raw, at, char, style)
        found.append(min(at, len(raw)))
        at += _width(raw, at, style)
    found.append(min(at, len(raw)))
    return found


def _next(raw: str, at: int, char: str, style: str) -> int:
    """Where in `raw`, from `at` on, the character `char` of the text comes from."""
    if style == "double" and raw.startswith("\\", at):
        while raw[at : at + 2] in ("\\\n", "\\\r"):
            at = _past_space(raw, at + 1)
        return at
    if char in _SPACE or not raw[at : at + 1] or raw[at] not in _SPACE:
        return at
    return _past_space(raw, at)


def _past_space(raw: str, at: int) -> int:
    while at < len(raw) and raw[at] in _SPACE:
        at += 1
    return at


def _width(raw: str, at: int, style: str) -> int:
    """How many characters of `raw` make the one character of the text at `at`."""
    if style == "double" and raw.startswith("\\", at):
        return _ESCAPED.get(raw[at + 1 : at + 2], 2)
    if style == "single" and raw.startswith("''", at):
        return 2
    return 1
