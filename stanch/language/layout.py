"""A line that is missing, or stands at the wrong depth: one mistake, of which everything behind it complains.

Without its `steps:` a runbook of fifty lines has fifty errors. So here, where a file has errors, the lines
are laid out as they may be meant (`relaid` says in which ways), and what compiles then is what the author is
told to write. Nothing is guessed that does not make the errors go away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TypeAlias

from stanch.language.catalogue import ActionSpec
from stanch.language.diagnostics import Diagnostic, Severity, in_order, is_error
from stanch.language.relaid import all_relaid
from stanch.language.source import Source, Span
from stanch.language.written import Relaid, Written

Diagnose: TypeAlias = Callable[[str], Sequence[Diagnostic]]
"""All that is wrong with a text by itself."""

_LONGEST = 60_000
"""Characters of a file whose lines are moved about; a longer one was not written by hand."""
_MOST_LINES = 2_000
_MOST_SAID = 5
"""Lines that are named."""
_MOST_TRIED = 20
_MOST_READ = 8
"""Of these how many that can be read, which takes longer."""
_MOST_BEHIND = 3
"""Mistakes of other kinds that may stand behind what cannot be read."""
_UNREADABLE = frozenset({"RB101", "RB113"})
_OF_OTHERS = frozenset({"RB311", "RB312", "RB313", "RB314", "RB316", "RB318", "RB501", "RB517"})
"""What depends on other files, which are not looked at here."""


def mislaid(
    source: Source, found: Sequence[Diagnostic], actions: Mapping[str, ActionSpec], diagnose: Diagnose
) -> tuple[Diagnostic, ...]:
    """The mistakes in the layout of a file, with what is said of it beside what comes from them; nothing when
    its errors do not come from its layout. `found` is what is said of the file as it is."""
    errors = _own(found)
    if not errors or len(source.text) > _LONGEST or source.text.count("\n") > _MOST_LINES:
        return ()
    params = {name: frozenset(spec.params.get("properties", ())) for name, spec in actions.items()}
    said: list[Diagnostic] = []
    text = source.text
    while errors and len(said) < _MOST_SAID:
        written = Written(text, errors, params)
        best = _best(written, diagnose)
        if best is None:
            break
        relaid, left = best
        said.append(_diagnostic(source.path, written, relaid))
        if not relaid.moves:
            return in_order(said)
        text, errors = relaid.text, left
    stays = {(each.code, each.span.line) for each in errors}
    kept = [each for each in found if (each.code, each.span.line) in stays]
    return in_order([*said, *kept]) if said else ()


def _best(written: Written, diagnose: Diagnose) -> tuple[Relaid, list[Diagnostic]] | None:
    """The first layout with the fewest errors, and those, if they are few enough to believe it."""
    errors = written.errors
    unreadable = any(each.code in _UNREADABLE for each in errors)
    known = {(each.code, each.message) for each in errors}
    best: tuple[Relaid, list[Diagnostic]] | None = None
    fewest = 1 if unreadable else (len(errors) + 1) // 2
    read = 0
    for relaid in islice(all_relaid(written), _MOST_TRIED):
        left = _own(diagnose(relaid.text))
        legible = not any(each.code in _UNREADABLE for each in left)
        read += legible
        if not (unreadable or relaid.certain) and any(
            (each.code, each.message) not in known for each in left
        ):
            continue  # it is wrong in another way
        if best is None and (
            (relaid.certain and unreadable and legible) or (relaid.moves and not unreadable)
        ):
            fewest = _MOST_BEHIND if unreadable else len(errors)
        if len(left) < fewest:
            best, fewest = (relaid, left), len(left)
        if not left or read >= _MOST_READ:
            break
    return best


def _diagnostic(path: str, written: Written, relaid: Relaid) -> Diagnostic:
    unreadable = any(each.code in _UNREADABLE for each in written.errors)
    code, span = "RB101" if unreadable else "RB115", _line(written, relaid.at)
    if relaid.columns is not None:
        first, last = relaid.columns
        code, span = "RB113", Span(relaid.at + 1, first + 1, relaid.at + 1, last + 1)
    return Diagnostic(code, Severity.ERROR, relaid.message, path, span, (), relaid.hint)


def _own(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [each for each in found if is_error(each) and each.code not in _OF_OTHERS]


def _line(written: Written, at: int) -> Span:
    """All that stands in a line, which counts from 0."""
    line = written.lines[at]
    start = len(line) - len(line.lstrip())
    return Span(at + 1, start + 1, at + 1, max(len(line.rstrip()), start) + 1)


__all__ = ["Diagnose", "mislaid"]
