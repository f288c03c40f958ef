"""What came of a rehearsal: the run's state, and why it was broken off if it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from stanch.conductor.state import State
from stanch.drill.rehearsal.document import Answer, Ordered
from stanch.drill.scripted.needs import Need


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question to which nobody in the script says anything."""

    step: str
    question: str
    choices: tuple[str, ...]
    fields: tuple[str, ...]
    """What is asked for, if a value is."""
    times: int
    """How many questions the step has put, this one included."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that was not taken."""

    answer: Answer
    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class Disobeyed:
    """An order that makes no sense, or is not this person's to give."""

    ordered: Ordered
    reason: str


@dataclass(frozen=True, slots=True)
class Endless:
    after: str
    """Words such as `5,000 events`."""
    last: str
    """What happened last, in words."""


BrokenOff: TypeAlias = Need | Unanswered | Refused | Disobeyed | Endless


@dataclass(frozen=True, slots=True)
class Paged:
    to: str
    at: float
    """Seconds from the start."""


@dataclass(slots=True)
class Performance:
    state: State
    broken_off: BrokenOff | None = None
    """Why it did not come to the run's end."""
    pages: list[Paged] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)
    """Paths of the nodes whose action was carried out, or that waited."""
    undone: set[str] = field(default_factory=set)
    """Paths of the nodes whose way back was gone."""
    taken: list[tuple[str, Answer]] = field(default_factory=list)
    """Answers that should have been refused and were not, each with its step."""
    obeyed: list[Ordered] = field(default_factory=list)
    """Orders that should have been refused and were not."""
    ungiven: list[Ordered] = field(default_factory=list)
    """Orders for which the run was over too early."""
    unheard: list[tuple[str, int, int]] = field(default_factory=list)
    """Steps whose answers were not all asked for: how many were, and how many there are."""
    strange_items: list[tuple[str, str]] = field(default_factory=list)
    """Steps that ran, and items of which the script says something and that no round had."""

    @property
    def seconds(self) -> float:
        """How long the run took on its own clock."""
        return max(self.state.clock - self.state.started, 0.0)
