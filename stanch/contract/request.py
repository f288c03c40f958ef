"""Questions to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stanch.contract.words import Choice
from stanch.language.plan import Json, Link, Suggestion, Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """What a step's diagnosis said."""

    step: str
    verdict: Verdict
    text: str
    suggest: Suggestion | None = None
    """Rendered: a person can start it as it stands."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an approval lets happen, as a person reads it."""

    target: str
    command: str
    done: str = ""
    undo: str = ""
    revert: str = ""
    """When it is put back by itself: `end_of_run`."""
    verify: str = ""
    """How it is seen whether it helped."""
    late: tuple[str, ...] = ()
    """What is only known when its turn comes, such as `steps.leader.host`."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of a checklist that somebody has done; `item` counts from 0."""

    item: int
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Request:
    """A question to people. `digest` covers everything that is asked, so a decision is bound to it."""

    id: str
    step: str
    kind: Literal["approval", "failure", "in_doubt", "ask", "manual"]
    question: str
    roles: tuple[str, ...]
    choices: tuple[Choice, ...]
    changes: tuple[Change, ...] = ()
    evidence: tuple[str, ...] = ()
    """Lines that the decision should rest on: what was found so far, what failed."""
    irreversible: str = ""
    quorum: int = 1
    confirm: str = ""
    opened: float = 0.0
    until: float = 0.0
    """The moment at which silence ends it."""
    silence: Literal["deny", "abort"] = "deny"
    asked: tuple[str, ...] = ()
    """Who has been paged so far, in order."""
    answers: tuple[str, ...] = ()
    """Who has approved so far, while a quorum is not complete."""
    digest: str = ""
    of_roles: int = 1
    """On behalf of how many of `roles` an approval is needed, each by a different person."""
    fields: Mapping[str, Json] = field(default_factory=dict)
    """Of an `ask`: field name to the JSON Schema of its value, choices filled in."""
    show: str = ""
    """What the person should know, or (`manual`) do."""
    checklist: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    findings: tuple[Found, ...] = ()
    targets: int = 0
    """Of an approval: how many different targets it touches, as far as they are known."""
    shares: tuple[str, ...] = ()
    """What part of each pool that is: `2 of 14 in web`."""
    batches: tuple[str, ...] = ()
    """Of an approval: how fast each loop in it goes, such as `1 host, then 4, then 9; 30s pause`."""
    holders: tuple[str, ...] = ()
    """Who may answer now, by name; empty when anybody may."""
    acknowledged: str = ""
    """Who has seen it and is looking, while that stops the ladder."""
    ticked: tuple[Tick, ...] = ()
    notes: tuple[str, ...] = ()
    """What has happened since it was put: the alert resolved, the severity changed, why it is asked again."""
