"""Names of a scope replaced by others of the same type, so that all expressions can share one environment.

`steps.errors.rate > 0.05` becomes `_b0              > 0.05`: every place in it stays where it is. For each
common type there are a few stand-ins, which the environment declares once and for all. An outline goes on:
`_b0 > 0.0` stands for every comparison of a decimal number with one that is written out.
"""

from __future__ import annotations

import re
from string import ascii_lowercase
from typing import TypeAlias

from stanch.language.chains import chains
from stanch.language.record import record
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
_SHARED: Names = frozenset(
    (f"_{letter}{number}", signature) for signature, letter in _LETTERS.items() for number in range(_EACH)
)
_TAKEN = re.compile(r"_(?<!\w_)[a-z][0-9]\b", re.ASCII)
"""It begins with a letter, not with `\\b`, so that the search runs from one `_` to the next."""
_LITERAL = re.compile(
    r"""
      (?P<text>"[^"\n]*"|'[^'\n]*')
    | (?<![\w.])[0-9]{1,15}(?P<fraction>\.[0-9]{1,15})?(?![\w.])
    | \s\s+|[^\S ]  # all space that is not one space already
    """,
    re.ASCII | re.VERBOSE,
)
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
        text = "".join(new for _, new in self.pieces)
        return text if _HARD.search(text) else _LITERAL.sub(_typical, text)


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
    return StandIns((*pieces, (rest, rest)), _SHARED.union(others) if others else _SHARED)


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


def _typical(found: re.Match[str]) -> str:
    if found["text"]:
        return '""'
    if found.group()[0].isspace():
        return " "
    return "0.0" if found["fraction"] else "0"
