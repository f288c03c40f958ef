"""The few marks and colours of the output. Without colour every line says the same."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from stanch.cli.safe import one_line

WIDTH = 80
"""Columns of what has no width of its own. Commands are never folded, they are pasted."""
NARROWEST, WIDEST = 30, 100
"""Prose is never folded to less, and never longer than one line is read well."""

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
_BESIDE = 24
"""Columns that the last column of a table needs, to stand beside the others."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COLOURS = {_GOOD: "32", _BAD: "31", _OPEN: "36", "?": "33"}


def mark_of(kind: str) -> str:
    """The mark before a line of the timeline of this kind; a space for what has none."""
    return "?" if kind == "asked" else MARKS.get(kind.removeprefix("step_"), " ")


@dataclass(frozen=True, slots=True)
class Style:
    colour: bool = False
    width: int = WIDTH
    """Columns of the terminal."""

    @property
    def prose(self) -> int:
        """Columns that prose is folded to."""
        return min(max(self.width, NARROWEST), WIDEST)

    def folded(self, text: str, indent: str = "", first: str | None = None) -> list[str]:
        """Outside text as lines of at most `prose` columns; words that are longer stay whole."""
        return textwrap.wrap(
            one_line(" ".join(text.split())),
            self.prose,
            initial_indent=indent if first is None else first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def rule(self, title: str = "") -> str:
        """A line across the terminal, with a title in it."""
        return (f"== {title} " if title else "").ljust(self.prose, "=")

    def loud(self, text: str) -> list[str]:
        """Folded, and bold."""
        return [self.bold(line) for line in self.folded(text)]

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


def fitted(rows: Sequence[Sequence[str]], style: Style, indent: str = "") -> list[str]:
    """A table whose last column is folded, or stands below the others where there is no room beside them."""
    whole = table(rows, indent)
    if all(width_of(line) <= style.width for line in whole):
        return whole
    heads = table([row[:-1] for row in rows], indent)
    beside = max((width_of(line) for line in heads), default=0) + 2
    if style.prose - beside < _BESIDE:
        below = indent + "  "
        pairs = zip(rows, heads, strict=True)
        return [part for row, head in pairs for part in (head, *style.folded(row[-1], below))]
    told: list[str] = []
    for row, head in zip(rows, heads, strict=True):
        first, *rest = style.folded(row[-1], " " * beside) or [""]
        told += [f"{_padded(head, beside)}{first[beside:]}".rstrip(), *rest]
    return told


def table(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Columns side by side, each as wide as its widest cell; nothing behind the last."""
    if not rows:
        return []
    widths = [max(width_of(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        (indent + "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def width_of(cell: str) -> int:
    """Columns that it takes, without what colours it."""
    return len(_COLOUR.sub("", cell))


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - width_of(cell))
