"""Where in a guide a step stands: its number, what is known there, and what is gathered for the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stanch.language.batches import sizes
from stanch.language.plan import ForEach, Json, Plan, Step
from stanch.language.render.guide.people import Facts
from stanch.language.render.guide.values import Late, Values
from stanch.language.render.guide.words import Reader

MOST_ROUNDS = 12
"""Rounds of a loop, and hosts of a step, that are written out."""


@dataclass(frozen=True, slots=True)
class Back:
    """One way back, or the barrier that stands in the way of all before it."""

    number: str
    title: str
    """Markdown."""
    paragraphs: tuple[str, ...] = ()
    barrier: str = ""


@dataclass(slots=True)
class Gathered:
    """What the end of the guide repeats."""

    backs: list[Back] = field(default_factory=list)
    """In the order in which things are changed."""
    borrowed: list[str] = field(default_factory=list)
    """What is put back when all is done, a line each."""


@dataclass(frozen=True, slots=True)
class Place:
    plan: Plan
    plans: Mapping[str, Plan]
    facts: Facts
    values: Values
    gathered: Gathered
    numbers: Mapping[str, str]
    """Of each step of this runbook, by its id."""
    calling: Mapping[str, str]
    """The runbooks that lead here, each with the number of its first step."""
    level: int = 3
    """Of a step's heading."""
    covered_by: str = ""
    """Number of the block whose one way back takes everything in it back."""
    home: list[str] = field(default_factory=list)
    """What the runbook itself has to put back at its end."""

    @property
    def reader(self) -> Reader:
        return Reader(self.values, self.numbers)

    def deeper(self) -> Place:
        return replace(self, level=self.level + 1)

    def bound(self, name: str, value: Json | Late) -> Place:
        return replace(self, values=self.values.bind(name, value))


def numbered(steps: Sequence[Step], before: str = "") -> dict[str, str]:
    """The number of each step by its id, also of those inside of others."""
    found: dict[str, str] = {}
    for at, step in enumerate(steps, 1):
        number = f"{before}{at}"
        found[step.id] = number
        found |= numbered(step.steps, f"{number}.")
    return found


def batches(loop: ForEach, items: Sequence[Json]) -> list[list[Json]]:
    """The items as they are gone through."""
    cut: list[list[Json]] = []
    left = list(items)
    for size in sizes(loop, len(items)):
        cut.append(left[:size])
        left = left[size:]
    return cut
