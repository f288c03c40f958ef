"""A rehearsal: what its author wrote, each thing with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stanch.contract import Choice, IncidentRef, Mode, Order, Severity
from stanch.drill.scripted.given import Given
from stanch.language import tree
from stanch.language.plan import Json
from stanch.language.source import Span

DEFAULT_CLOCK = "2026-01-05T03:00:00Z"
STARTER = "rehearsal"
"""Who starts a run when nobody else is named."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a person says to a question."""

    span: Span
    choice: Choice | None
    """None is silence."""
    reason: str = ""
    by: str = ""
    after: float = 0.0
    """Seconds from when the question was put."""
    values: Mapping[str, Json] = field(default_factory=dict)
    confirm: str | None = None
    refused: str | None = None
    """It is expected not to be taken, with this text in the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    name: tree.Scalar
    """The step."""
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Stop:
    """Somebody ends the run from outside, so many seconds after its start."""

    after: float
    by: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """Somebody gives the run an order."""

    span: Span
    after: float
    """Seconds from the start."""
    order: Order
    """By nobody: by the incident commander, whoever that is then."""
    refused: str | None = None
    """It is expected not to be obeyed, with this text in the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Reported:
    """The alert is delivered again, so many seconds after the start."""

    after: float
    status: Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    path: str
    name: tree.Scalar
    runbook: tree.Scalar
    inputs: tree.Mapping
    expect: tree.Mapping
    title: str = ""
    severity: Severity = "SEV3"
    incident: IncidentRef | None = None
    started_by: str = STARTER
    mode: Mode = "live"
    clock: float = 0.0
    """When it starts, in seconds since the epoch."""
    given: Mapping[str, Given] = field(default_factory=dict)
    people: Mapping[str, Answers] = field(default_factory=dict)
    abort: Stop | None = None
    orders: tuple[Ordered, ...] = ()
    alert: tuple[Reported, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.runbook.text}/{self.name.text}"
