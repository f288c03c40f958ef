"""Where a piece of a scalar's text stands in the file: back through quotes, escapes and folded lines."""

from __future__ import annotations

import re
from functools import lru_cache

from stanch.language.source import Source, Span
from stanch.language.tree import Scalar

_SPACE = " \t\r\n\x85\u2028\u2029"
_ESCAPED = {"x": 4, "u": 6, "U": 10}
"""Characters of the escapes that are longer than two."""
_HEADER = re.compile(r"[|>][^\n\r]*(?:\r\n|[\n\r])?")


def locate(source: Source, scalar: Scalar, start: int, end: int) -> Span:
    """The span of the characters `start` up to `end` of the scalar's text."""
    offsets = _offsets(source.text[scalar.start : scalar.end], scalar.text, scalar.style)
    if not offsets:
        return scalar.span
    first = offsets[min(start, len(offsets) - 1)]
    last = offsets[min(max(end - 1, start), len(offsets) - 1)] + 1
    return source.span(scalar.start + first, scalar.start + max(last, first))


@lru_cache(maxsize=64)
def _offsets(raw: str, text: str, style: str) -> tuple[int, ...]:
    """For each character of `text`, and for its end, the offset in `raw` that it came from."""
    at = 0
    if style in ("single", "double"):
        at = 1
    elif style in ("literal", "folded") and (header := _HEADER.match(raw)) is not None:
        at = header.end()
    found = []
    for char in text:
        at = _next(raw, at, char, style)
        found.append(min(at, len(raw)))
        at += _width(raw, at, style)
    return (*found, min(at, len(raw)))


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
