"""A rehearsal: what its author wrote, each thing with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from stanch.contract import Choice, IncidentRef, Mode, Order, Severity
from stanch.language import tree
from stanch.language.plan import Json
from stanch.language.source import START, Span

Ending: TypeAlias = Literal["fails", "unreachable", "lost"]
DEFAULT_CLOCK = "2026-01-05T03:00:00Z"
STARTER = "rehearsal"
"""Who starts a run when nobody else is named."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the outside gives when it is asked, or told, once."""

    span: Span
    fields: tree.Mapping
    """Of the action's result, those that were written; and until `bind` has looked, our own words."""
    whole: tree.Node | None = None
    """The result in one piece."""
    takes: float = 0.0
    """Seconds."""
    ending: Ending | None = None
    reason: str = ""
    targets: Mapping[str, Look] = field(default_factory=dict)
    """What is different for one of several targets."""

    @property
    def says_nothing(self) -> bool:
        """Whether it has no result, whole or in part, and does not end badly either."""
        return not (self.fields.entries or self.whole or self.ending or self.targets)

    @property
    def end(self) -> tuple[Ending | None, str]:
        """How it ends if not well, and why; with one of several targets, all of it does."""
        if self.ending is not None:
            return self.ending, self.reason
        bad = next(((name, look) for name, look in self.targets.items() if look.ending), None)
        return (None, "") if bad is None else (bad[1].ending, f"`{bad[0]}`: {bad[1].reason}")


NOTHING = Look(START, tree.Mapping((), START))
"""What the outside gives where nobody has written anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """What one carrying out of a step gives: the action, and what is asked about it."""

    look: Look
    already: bool = False
    before: Look | None = None
    done: tuple[Look, ...] = ()
    verify: tuple[Look, ...] = ()
    undo: tuple[Look, ...] = ()
    items: Mapping[str, Given] = field(default_factory=dict)
    """What is different in the round of one item."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a step gives, one time after the other; the last one stays."""

    name: tree.Scalar
    """The step, or the item."""
    takes: tuple[Take, ...]


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
