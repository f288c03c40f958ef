"""Whether two names of locks, as their authors wrote them with `${{ }}`, can be one lock in some runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from stanch.language.template import Hole, UnclosedHole, split

_HOLE = "\0"
"""Stands for a `${{ }}`; YAML allows no such character in a text."""


Kind: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class LockName:
    text: str
    """With the space inside of each `${{ }}` made even."""
    parts: tuple[str, ...]
    """What stands between the `/`, with a mark for each `${{ }}`."""
    fixed: bool
    """It is the same lock in every run."""
    kind: Kind
    """Only names of one kind can be the same lock."""

    def may_be(self, other: LockName) -> bool:
        """Whether both can be one lock: what the holes become is not known, but that it holds no `/`.

        One that begins with a hole could be any lock of all, so it is taken only for one of the same text.
        """
        if self.text == other.text:
            return True
        return self.kind == other.kind and all(map(_may_be, self.parts, other.parts))


@lru_cache(maxsize=1024)
def lock_name(text: str) -> LockName | None:
    """The name of a lock; None when it has a `${{` that is not closed."""
    try:
        pieces = split(text)
    except UnclosedHole:
        return None
    even = [f"${{{{ {' '.join(each.cel.split())} }}}}" if isinstance(each, Hole) else each for each in pieces]
    marked = "".join(_HOLE if isinstance(each, Hole) else each for each in pieces)
    name, parts = "".join(even), tuple(marked.split("/"))
    first = parts[0][:1]
    kind = (0, name) if first in ("", _HOLE) else (len(parts), first)
    return LockName(name, parts, _HOLE not in marked, kind)


def _may_be(one: str, other: str) -> bool:
    """Whether two parts can be the same text, by what stands before and behind their holes."""
    if _HOLE not in one and _HOLE not in other:
        return one == other
    return _agree(one, other) and _agree(one[::-1], other[::-1])


def _agree(one: str, other: str) -> bool:
    """Whether what both have before their first hole can begin one text."""
    mine, theirs = (each.partition(_HOLE)[0] for each in (one, other))
    return mine.startswith(theirs) or theirs.startswith(mine)
