"""The lines of a runbook with errors, and what becomes of them when they are laid out in another way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from stanch.language.diagnostics import Diagnostic
from stanch.language.source import shortened, split_lines

_MOST = 50
"""Errors that are looked at."""
_SHOWN = 3
"""Lines that a hint has."""


@dataclass(frozen=True, slots=True)
class Relaid:
    """The text in another layout, and what to say if it is the right one."""

    text: str
    at: int
    """The line of the text as it is that is wrong, from 0."""
    message: str
    hint: str
    certain: bool = False
    """The text says so itself, so other mistakes may be left in it."""
    moves: bool = False
    """Each line stays what it is, and only stands elsewhere in its line: so other mistakes stay at theirs."""
    columns: tuple[int, int] | None = None
    """The part of the line that is wrong, when it is an expression that YAML cut; else all of it is."""


class Written:
    """The lines of a file, and what is wrong with them."""

    def __init__(
        self, text: str, errors: Sequence[Diagnostic], actions: Mapping[str, frozenset[str]]
    ) -> None:
        self.lines = split_lines(text)
        self.errors = errors
        self.actions = actions
        """With the names of what each takes."""

    def at(self, line: int) -> str:
        return self.lines[line] if 0 <= line < len(self.lines) else ""

    def indent(self, line: int) -> int:
        """Of what stands in a line; -1 of one in which nothing stands."""
        text = self.at(line)
        stripped = text.lstrip(" ")
        return len(text) - len(stripped) if stripped and stripped[0] not in "#\r" else -1

    def depth(self, line: int) -> int:
        """Where the keys begin that stand beside the one of a line, behind its `- ` if it has one."""
        return self.indent(line) + (2 if self.at(line).lstrip().startswith("- ") else 0)

    def block(self, line: int) -> int:
        """The line behind what begins in `line`: all that is indented further than it."""
        own, end, last = self.indent(line), line + 1, line + 1
        while end < len(self.lines):
            depth = self.indent(end)
            if 0 <= depth <= own:
                break
            end += 1
            last = end if depth >= 0 else last
        return last

    def owner(self, line: int) -> int | None:
        """The line above of which `line` is a part."""
        own = self.indent(line)
        return next((above for above in range(line - 1, -1, -1) if 0 <= self.indent(above) < own), None)

    @cached_property
    def wrong(self) -> list[int]:
        """The lines of errors, and of what explains them, each once."""
        errors = self.errors[:_MOST]
        found = [each.span.line - 1 for each in errors]
        found += [related.span.line - 1 for each in errors for related in each.related]
        return list(dict.fromkeys(found))

    def said(self, code: str, *parts: str) -> list[Diagnostic]:
        """The first errors with the code whose message has one of the parts."""
        found = (each for each in self.errors if each.code == code and any(p in each.message for p in parts))
        return list(islice(found, _MOST))

    # --- what becomes of it -------------------------------------------------------------------------------

    def replaced(self, first: int, last: int, new: list[str], message: str, certain: bool = False) -> Relaid:
        """With `new` instead of the lines from `first` up to `last`; the hint shows where they begin."""
        lines = [*self.lines[:first], *new, *self.lines[last:]]
        shown = lines[max(first - 1, 0) : first + 8]
        return Relaid("\n".join(lines), min(first, len(self.lines) - 1), message, to_write(shown), certain)

    def inserted(self, at: int, line: str, message: str, certain: bool = False) -> Relaid:
        lines = [*self.lines[:at], line, *self.lines[at:]]
        shown = lines[at : at + 6]
        return Relaid("\n".join(lines), min(at, len(self.lines) - 1), message, to_write(shown), certain)

    def moved(self, first: int, last: int, by: int, message: str) -> Relaid:
        """With the lines from `first` up to `last` indented by so much more, or less."""
        new = [" " * max(self._spaces(line) + by, 0) + line.lstrip(" ") for line in self.lines[first:last]]
        return replace(self.replaced(first, last, new, message), moves=True)

    def _spaces(self, line: str) -> int:
        return len(line) - len(line.lstrip(" "))


def to_write(lines: Sequence[str]) -> str:
    """A hint with the first of these lines."""
    said = (line.rstrip() for line in lines if line.strip())
    return "\n".join(["write", *(f"  {shortened(line)}" for line in islice(said, _SHOWN))])
