"""Text with places: which line and column a character has.

Lines and columns count from 1, columns in characters; the end of a span is the first character after it.
Lines end as they do in an editor: with `\\n`, `\\r\\n` or `\\r`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

_SHOWN = 60
"""Characters."""
_BREAK = re.compile("\r\n|[\n\r]")


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
    """The lines of `text` without their ends."""
    return _BREAK.split(text)


def shortened(text: str) -> str:
    """What fits into a message of something that may be as long as a file."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


class Source:
    """The text of one file and the place of each of its characters."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: list[int] | None = None

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset `start` up to `end`."""
        starts = self._line_starts()
        end = min(max(start, end), len(self.text))
        start = min(start, end)
        line = bisect_right(starts, start)
        last = bisect_right(starts, end, line - 1)
        return Span(line, start - starts[line - 1] + 1, last, end - starts[last - 1] + 1)

    def _line_starts(self) -> list[int]:
        """Offsets, counted when somebody first asks: most files have nothing to point at."""
        if self._starts is None:
            # As many characters as before, and one way to end a line.
            text = self.text.replace("\r\n", " \n").replace("\r", "\n")
            self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        return self._starts
