"""Diagnostics for a person at a terminal: message, place, the line itself, and what to write instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from stanch.language.diagnostics import Diagnostic
from stanch.language.source import split_lines

_WIDEST = 140
"""Columns of a source line that are shown."""
_BEFORE = 60
"""Of which this many stand before the mistake, when the line has to be cut."""

_RESET = "\x1b[0m"
_COLOURS = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "bold": "\x1b[1m",
    "frame": "\x1b[34m",
    "hint": "\x1b[36m",
}


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], colour: bool) -> str:
    """Every diagnostic with its excerpt, a blank line between them. `sources` has the text of each path."""
    lines: dict[str, list[str]] = {}
    blocks = []
    for diagnostic in diagnostics:
        path = diagnostic.path
        if path not in lines:
            lines[path] = split_lines(sources.get(path, "").removeprefix("\ufeff"))
        blocks.append(_block(diagnostic, lines[path], _Paint(colour)))
    return "\n".join(blocks)


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, kind: str, text: str) -> str:
        return f"{_COLOURS[kind]}{text}{_RESET}" if self._colour else text


def _block(diagnostic: Diagnostic, lines: list[str], paint: _Paint) -> str:
    span, kind = diagnostic.span, diagnostic.severity.value
    number = str(span.line)
    margin = " " * len(number)
    head = paint(kind, f"{kind}[{diagnostic.code}]") + paint("bold", f": {_safe(diagnostic.message)}")
    rows = [head, f"{margin}{paint('frame', '-->')} {_safe(diagnostic.path)}:{span.line}:{span.column}"]
    if span.line <= len(lines):
        line, column, width = _excerpt(diagnostic, lines[span.line - 1])
        bar = paint("frame", "|")
        marks = " " * column + "^" * max(1, width)
        note = " ".join(filter(None, [paint(kind, marks), _safe(_note(diagnostic))]))
        rows += [
            f"{margin} {bar}",
            f"{paint('frame', number)} {bar} {line}".rstrip(),
            f"{margin} {bar} {note}",
        ]
    if diagnostic.hint:
        rows += ["", f"{paint('hint', 'hint')}: {_safe(diagnostic.hint)}"]
    return "\n".join(rows) + "\n"


def _note(diagnostic: Diagnostic) -> str:
    return "; ".join(f"{related.message} at line {related.span.line}" for related in diagnostic.related)


def _excerpt(diagnostic: Diagnostic, line: str) -> tuple[str, int, int]:
    """What is shown of the line, and the columns where the marks begin and how many there are."""
    span = diagnostic.span
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1 if span.end_line == span.line else len(line.rstrip()), len(line))
    cut, prefix = 0, ""
    if len(line) > _WIDEST and start > _BEFORE:
        cut, prefix = start - _BEFORE, "..."
    shown = line[cut : cut + _WIDEST]
    suffix = "..." if len(line) > cut + _WIDEST else ""
    column = len(prefix) + _columns(shown[: start - cut])
    width = _columns(shown[start - cut : max(start, end) - cut])
    return f"{prefix}{_safe(shown)}{suffix}", column, width


def _columns(text: str) -> int:
    """Columns that a terminal uses for `text`."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _safe(text: str) -> str:
    """`text` without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else " " if char in "\t\n" else "\ufffd" for char in text)
