"""Diagnostics for a person at a terminal: message, place, the line itself, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stanch.language.diagnostics import Diagnostic
from stanch.language.render.columns import columns, fitting, safe
from stanch.language.source import split_lines

_WIDEST = 140
"""Columns of a source line that are shown, and characters at most."""
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
    head = paint(kind, f"{kind}[{diagnostic.code}]") + paint("bold", f": {safe(diagnostic.message)}")
    rows = [head, f"{margin}{paint('frame', '-->')} {safe(diagnostic.path)}:{span.line}:{span.column}"]
    if span.line <= len(lines):
        line, column, width = _excerpt(diagnostic, lines[span.line - 1])
        bar = paint("frame", "|")
        marks = " " * column + "^" * max(1, width)
        note = " ".join(filter(None, [paint(kind, marks), safe(_note(diagnostic))]))
        rows += [
            f"{margin} {bar}",
            f"{paint('frame', number)} {bar} {line}".rstrip(),
            f"{margin} {bar} {note}",
        ]
    if diagnostic.hint:
        first, *more = diagnostic.hint.split("\n")
        rows += ["", f"{paint('hint', 'hint')}: {safe(first)}", *map(safe, more)]
    return "\n".join(rows) + "\n"


def _note(diagnostic: Diagnostic) -> str:
    return "; ".join(f"{related.message} at line {related.span.line}" for related in diagnostic.related)


def _excerpt(diagnostic: Diagnostic, line: str) -> tuple[str, int, int]:
    """What is shown of the line, and the columns where the marks begin and how many there are."""
    span = diagnostic.span
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1 if span.end_line == span.line else len(line.rstrip()), len(line))
    first, last = _window(line, start)
    prefix, suffix = "..." if first else "", "..." if last < len(line) else ""
    column = len(prefix) + columns(line[first:start])
    width = columns(line[start : min(max(start, end), last)])
    return f"{prefix}{safe(line[first:last])}{suffix}", column, width


def _window(line: str, start: int) -> tuple[int, int]:
    """The offsets between which a line is shown: all of it, or what lies around `start`."""
    if len(line) <= _WIDEST and columns(line) <= _WIDEST:
        return 0, len(line)
    first = start - fitting(line[max(0, start - _BEFORE) : start][::-1], _BEFORE)
    while 0 < first < start and not columns(line[first]):
        first += 1  # an accent whose letter is cut off
    return first, first + fitting(line[first : first + _WIDEST], _WIDEST)
