"""The few marks and colours of the output. Without colour every line says the same."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from stanch.cli.safe import one_line

WIDTH = 60
"""Columns that prose is folded to: a phone held upright. Commands are never folded, they are pasted."""

_GOOD = "✓"
_BAD = "✗"
_OPEN = "▸"
_LATER = "·"

MARKS = {
    "succeeded": _GOOD,
    "failed": _BAD,
    "denied": _BAD,
    "refused": _BAD,
    "aborted": _BAD,
    "in_doubt": "?",
    "doubting": "?",
    "asking": "?",
    "skipped": "-",
    "started": _OPEN,
    "pending": _LATER,
    "ready": _LATER,
}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COLOURS = {_GOOD: "32", _BAD: "31", _OPEN: "36", "?": "33"}


def mark_of(kind: str) -> str:
    """The mark before a line of the timeline of this kind; a space for what has none."""
    return "?" if kind == "asked" else MARKS.get(kind.removeprefix("step_"), " ")


@dataclass(frozen=True, slots=True)
class Style:
    colour: bool = False

    def bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def diff(self, line: str) -> str:
        """A line of a difference: red for what was to be, green for what is."""
        code = {"-": "31", "+": "32"}.get(line[:1])
        return f"\x1b[{code}m{line}\x1b[0m" if self.colour and code else line

    def mark(self, phase: str) -> str:
        mark = MARKS.get(phase, _OPEN)
        code = _COLOURS.get(mark)
        return f"\x1b[{code}m{mark}\x1b[0m" if self.colour and code else mark


def folded(text: str, indent: str = "", first: str | None = None) -> list[str]:
    """Outside text as lines of at most `WIDTH` columns; words that are longer stay whole."""
    return textwrap.wrap(
        one_line(" ".join(text.split())),
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Columns side by side, each as wide as its widest cell; nothing behind the last."""
    if not rows:
        return []
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        (indent + "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def _width(cell: str) -> int:
    return len(_COLOUR.sub("", cell))


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))
