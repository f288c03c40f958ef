"""Split a string at `${{ cel }}`: braces are counted and CEL's string literals skipped, so maps may nest."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias

OPEN = "${{"
_NESTS = re.compile(r"""[{}"']""")


class Hole(NamedTuple):
    """An expression inside a string; `start` is the offset of its first character in the string."""

    cel: str
    start: int


Parts: TypeAlias = tuple[str | Hole, ...]


class UnclosedHole(ValueError):
    """A `${{` without its `}}`; `start` is the offset of the `$`."""

    def __init__(self, start: int) -> None:
        super().__init__("`${{` is not closed by `}}`")
        self.start = start


@lru_cache(maxsize=4096)
def split(text: str) -> Parts:
    """The literal pieces and holes of `text` in order. Raises UnclosedHole."""
    parts: list[str | Hole] = []
    at = 0
    while (opening := text.find(OPEN, at)) >= 0:
        if opening > at:
            parts.append(text[at:opening])
        start = opening + len(OPEN)
        end = _closing(text, start, opening)
        raw = text[start:end]
        parts.append(Hole(raw.strip(), start + len(raw) - len(raw.lstrip())))
        at = end + 2
    if at < len(text) or not parts:
        parts.append(text[at:])
    return tuple(parts)


def sole_hole(parts: Parts) -> Hole | None:
    """The hole of a string that is exactly one `${{ }}`: such a string keeps the value's type."""
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Hole) else None


def _closing(text: str, at: int, opening: int) -> int:
    """Offset of the `}}` that closes the hole whose text begins at `at`."""
    end = text.find("}}", at)
    if _NESTS.search(text, at, end) is None and end >= 0:
        return end  # nearly all of them
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "'\"":
            at = _past_literal(text, at)
            continue
        if char == "{":
            depth += 1
        elif char == "}":
            if depth == 0 and text.startswith("}}", at):
                return at
            depth -= 1
        at += 1
    raise UnclosedHole(opening)


def _past_literal(text: str, at: int) -> int:
    quote = text[at]
    at += 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at + 1
