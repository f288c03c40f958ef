"""Text with places: which line and column a character has, and where a piece of a YAML scalar stands.

Lines and columns count from 1, columns in characters; the end of a span is the first character after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Where the YAML parser starts a new line."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    line: int
    column: int
    end_line: int
    end_column: int

    def first(self, length: int) -> Span:
        """The first `length` characters of a span that begins here."""
        return Span(self.line, self.column, self.line, self.column + length)


START = Span(1, 1, 1, 1)
"""For what is wrong with a file as a whole."""


def split_lines(text: str) -> list[str]:
    """The lines of `text` without their ends, as the YAML parser counts them."""
    return _BREAK.split(text)


class Source:
    """The text of one file and the place of each of its characters."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: list[int] | None = None

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset `start` up to `end`."""
        return Span(*self._place(start), *self._place(max(start, end)))

    def _place(self, offset: int) -> tuple[int, int]:
        if self._starts is None:
            self._starts = [0, *(found.end() for found in _BREAK.finditer(self.text))]
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return low + 1, offset - self._starts[low] + 1
