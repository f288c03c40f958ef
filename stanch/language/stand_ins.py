"""Names of a scope replaced by others of the same type, so that all expressions can share one environment.

`steps.errors.rate > 0.05` becomes `_b0              > 0.05`: every place in it stays where it is. For each
common type there are a few stand-ins, which the environment declares once and for all. An outline goes on:
`_b0 > 0.0` stands for every comparison of a decimal number with one that is written out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_lowercase
from typing import TypeAlias

from stanch.language.chains import chains
from stanch.language.record import record
from stanch.language.references import Reference
from stanch.language.types import Signature

Names: TypeAlias = frozenset[tuple[str, Signature]]

_COMMON: tuple[Signature, ...] = (
    "string",
    "double",
    "int",
    "bool",
    "dyn",
    "timestamp",
    "list(string)",
    "list(dyn)",
    "list(int)",
    "list(double)",
    "list(map(string,dyn))",
    "map(string,dyn)",
    "map(string,string)",
    "list(map(string,string))",
)
_EACH = 6
"""Names of one type in one expression; most have one or two."""
_LETTERS = dict(zip(_COMMON, ascii_lowercase, strict=False))
SHARED: Names = frozenset(
    (f"_{letter}{number}", signature) for signature, letter in _LETTERS.items() for number in range(_EACH)
)
_TAKEN = re.compile(r"_(?<!\w_)[a-z][0-9]\b", re.ASCII)
"""It begins with a letter, not with `\\b`, so that the search runs from one `_` to the next."""
_TEXT = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_NUMBER = re.compile(r"[0-9](?<![\w.][0-9])[0-9]{0,14}(\.[0-9]{1,15})?(?![\w.])", re.ASCII)
"""It begins with a digit, not with what must not stand before it: half the time."""
_SPACE = re.compile(r"\s\s+|[^\S ]", re.ASCII)
"""All space that is not one space already."""
_HARD = re.compile(r"\\|\"\"\"|'''|//")
"""What makes it hard to say where a literal ends."""


@record
class StandIns:
    pieces: tuple[tuple[str, str], ...]
    """Parts of the expression, each with what stands for it; in between, it is as written."""
    declared: Names
    """All the names that have to be declared for it."""

    def padded(self) -> str:
        return "".join(new + re.sub(r"[^\n]", " ", old[len(new) :]) for old, new in self.pieces)

    def outline(self) -> str:
        """The same for all expressions that a type checker cannot tell apart."""
        return _typical("".join(new for _, new in self.pieces))


def stand_ins(expression: str, names: Names) -> StandIns:
    chosen = {} if _TAKEN.search(expression) else _chosen(names)
    pieces = []
    at = 0
    for chain in chains(expression) if chosen else ():
        for length in range(min(3, len(chain.parts)), 0, -1):
            stand_in = chosen.get(".".join(chain.parts[:length]))
            if stand_in is None:
                continue
            end = chain.ends[length - 1]
            written = expression[chain.start : end]
            if "\n" in written[: len(stand_in)]:
                return StandIns(((expression, expression),), names)
            between = expression[at : chain.start]
            pieces += [(between, between), (written, stand_in)]
            at = end
            break
    rest = expression[at:]
    if not pieces:
        return StandIns(((rest, rest),), names)
    others = [pair for pair in names if pair[0] not in chosen]
    return StandIns((*pieces, (rest, rest)), SHARED.union(others) if others else SHARED)


def _chosen(names: Names) -> dict[str, str]:
    """Each name that has a stand-in, with it. A name of a loop may be too short to be replaced."""
    chosen: dict[str, str] = {}
    used: dict[Signature, int] = {}
    for name, signature in sorted(names):
        number = used.get(signature, 0)
        if signature in _LETTERS and number < _EACH and len(name) > len("_a0"):
            used[signature] = number + 1
            chosen[name] = f"_{_LETTERS[signature]}{number}"
    return chosen


def outline_of(expression: str, found: Sequence[Reference]) -> str | None:
    """The outline of an expression in which these names were found, in order; its stand-ins are in `SHARED`.

    What `StandIns.outline` is, at a third of its cost. None where that is needed: for names of unusual types.
    """
    if _TAKEN.search(expression) is not None:
        return None
    chosen: dict[str, str] = {}
    used: dict[Signature, int] = {}
    pieces: list[str] = []
    at = 0
    for each in found:
        name, chain, kind = each.name, each.chain, each.type
        if (stand_in := chosen.get(name)) is None:
            number = used.get(kind, 0)
            if (letter := _LETTERS.get(kind)) is None or number >= _EACH:
                return None
            used[kind] = number + 1
            stand_in = chosen[name] = f"_{letter}{number}"
        if not chain.written.startswith(name):
            return None  # with space in it
        pieces += (expression[at : chain.start], stand_in)
        at = chain.start + len(name)
    pieces.append(expression[at:])
    return _typical("".join(pieces))


def _typical(text: str) -> str:
    """The text with one literal for all of a type."""
    if _HARD.search(text) is not None:
        return text
    if '"' in text or "'" in text:
        text = _TEXT.sub('""', text)
    if "  " in text or not text.isprintable():
        text = _SPACE.sub(" ", text)
    return _NUMBER.sub(_typical_number, text)


def _typical_number(found: re.Match[str]) -> str:
    return "0" if found[1] is None else "0.0"
