"""What one evaluation reads, and what it may still spend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from stanch.language.cel.values import Value
from stanch.language.plan import Json

Scope: TypeAlias = Mapping[str, Json]

MOST_WORK = 1_000_000
"""Units that one evaluation may spend; the same on every machine. One is a part of an expression evaluated
once, an item of a list that is looked at, or `CHARACTERS` of text: some 0.2 microseconds. As everything that
is kept was paid for, this bounds memory, too: to about 250 MB at the very worst."""
CHARACTERS = 32
DEEPEST = 200
"""Lists and maps inside each other."""


class Failed(Exception):
    """The expression fails on these values. `||`, `&&`, `all`, `exists` may not need the part that failed."""


class Missing(Failed):
    """A map does not have the key that is read."""


class TooMuch(Exception):
    """The expression takes more work, or deeper data, than it may; nothing makes up for that."""


class Frame:
    __slots__ = ("left", "scope", "slots")

    def __init__(self, scope: Scope, slots: int) -> None:
        self.scope = scope
        self.slots: list[Value] = [None] * slots
        """What the names of loops in the expression stand for."""
        self.left = MOST_WORK

    def spend(self, units: int) -> None:
        """Raises TooMuch."""
        self.left -= units
        if self.left < 0:
            raise TooMuch(
                f"takes more than {MOST_WORK:,} units of work: read less data, or part it over several steps"
            )

    def read(self, characters: int) -> None:
        """Spend what it takes to read or write a text."""
        self.spend(1 + characters // CHARACTERS)


def deep() -> TooMuch:
    return TooMuch(f"its data is nested more than {DEEPEST} deep")


Run: TypeAlias = Callable[[Frame], Value]
"""A part of an expression, ready to be evaluated."""
Slots: TypeAlias = dict[str, int]
"""The names of the loops around a part, each with its place in a frame."""
