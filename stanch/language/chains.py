"""The names that an expression reads: chains such as `steps.drain.pool`, each with its place.

A light scan and not a parser: it knows CEL's literals and comments well enough to find names outside of them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from stanch.language.record import record

_TOKEN = re.compile(
    r"""
    (?=[\w."'/])  # how any of them begins: much of an expression is space and operators
    (?:
      (?P<chain>(?![rRbB]{1,2}["'])[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)  # first, as most of them are
    | (?P<text>[rRbB]{0,2}(?:\"{3}(?:\\.|.)*?\"{3}|'{3}(?:\\.|.)*?'{3}|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))
    | (?P<comment>//[^\n]*)
    | (?P<number>\.?[0-9][0-9a-zA-Z_.]*)
    | (?P<prefix>[rRbB]{1,2})  # of a text that does not end: a name like any other
    )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_NAMES = re.compile(r"([A-Za-z_](?<![\w.].)\w*(?:\.[A-Za-z_]\w*)*)", re.ASCII)
"""The chains of an expression without a text, a comment, or space beside a point: of most of them."""


@record
class Chain:
    parts: tuple[str, ...]
    """Without a method that is called at its end; empty for a function."""
    start: int
    written: str
    """All of it, with the method and with any space around its points."""

    @property
    def ends(self) -> tuple[int, ...]:
        """Offset behind each part; only what is wrong or hard has to know."""
        at, found = self.start, []
        for part in self.written.split("."):
            found.append(at + len(part.rstrip()))
            at += len(part) + 1
        return tuple(found[: len(self.parts)]) or (self.start,)

    @property
    def end(self) -> int:
        return self.ends[-1]


@lru_cache(maxsize=4096)
def chains(cel: str) -> tuple[Chain, ...]:
    """Every chain in the expression `cel`, in order."""
    if '"' in cel or "'" in cel or "//" in cel or " ." in cel or ". " in cel or not cel.isprintable():
        return _scanned(cel)
    return _split(cel)


def _split(cel: str) -> tuple[Chain, ...]:
    """Those of an expression that has none of what makes it hard, in half the time of `_scanned`."""
    pieces = _NAMES.split(cel)
    found = []
    at = len(pieces[0])
    for written, behind in zip(pieces[1::2], pieces[2::2], strict=True):
        parts = written.split(".")
        if behind.lstrip().startswith("("):
            parts.pop()  # a method that is called
        found.append(Chain(tuple(parts), at, written))
        at += len(written) + len(behind)
    return tuple(found)


def _scanned(cel: str) -> tuple[Chain, ...]:
    found = []
    for token in _TOKEN.finditer(cel):
        if token.lastgroup not in ("chain", "prefix"):
            continue
        start, end = token.span()
        # A look at one character spares a call for nearly all of them.
        if ((before := cel[start - 1 : start]) == "." or before.isspace()) and _is_selected(cel, start):
            continue
        called = (behind := cel[end : end + 1]) == "(" or (behind.isspace() and _is_called(cel, end))
        found.append(_chain(token.group(), start, called))
    return tuple(found)


def _is_selected(cel: str, start: int) -> bool:
    """Whether what stands at `start` is a field of something before it: `f(x).name`, `list[0].name`."""
    while start > 0 and cel[start - 1].isspace():
        start -= 1
    return start > 0 and cel[start - 1] == "."


def _is_called(cel: str, end: int) -> bool:
    while end < len(cel) and cel[end].isspace():
        end += 1
    return cel.startswith("(", end)


def _chain(written: str, start: int, called: bool) -> Chain:
    parts = written.split(".")
    if len(written.split()) > 1:  # space around a point: seldom
        parts = [part.strip() for part in parts]
    if called:
        parts.pop()
    return Chain(tuple(parts), start, written)


def roots(cel: str) -> frozenset[str]:
    """The first names of all chains."""
    return frozenset(chain.parts[0] for chain in chains(cel) if chain.parts)


def reads_step(cel: str, step: str) -> bool:
    """Whether the expression reads an output or the state of the step `step`."""
    return any(chain.parts[:2] == ("steps", step) for chain in chains(cel))
