"""The part of the policy that a run pins at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rung:
    """After `after` seconds without an answer, `page` is paged: a role, a group, a person, or the name of an
    on-call schedule."""

    after: float
    page: str
    remind: float = 0.0
    """Seconds after which the same is paged again, until the next rung; 0 for never."""
    hours: Literal["", "in", "out"] = ""
    """Only within, or only outside of, the policy's business hours; at any time when empty."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Whom an unanswered request climbs to, and what silence ends in. Rungs are in order of time."""

    rungs: tuple[Rung, ...]
    silence_after: float
    silence_then: Literal["deny", "abort"] = "deny"
    patience: float = 600.0
    """Seconds for which an acknowledgement stops the climbing."""


@dataclass(frozen=True, slots=True)
class Shift:
    """`person` is on call from `start` to `end`, moments; 0 is open."""

    person: str
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key whose signature under a decision or an order is believed."""

    id: str
    public: str
    """32 bytes as base64url without padding."""
    speaks_for: tuple[str, ...] = ()
    """The people in whose name it may sign; empty for a gateway, which has asked them who they are."""
    start: float = 0.0
    end: float = 0.0
    """It is believed from `start` to `end`, moments; 0 is open."""
    once: bool = False
    """Printed beforehand to break the glass: it signs one decision, and the review speaks of it."""


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """The part of the policy that a run needs, pinned when it starts."""

    ladders: Mapping[str, Ladder] = field(default_factory=dict)
    """By role; a role that is missing is paged itself, and then climbs as `incident_commander` does."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Role to the people who hold it; a role that is missing may be taken by anybody unless `named`."""
    self_approval: bool = False
    by_severity: Mapping[str, Mapping[str, Ladder]] = field(default_factory=dict)
    """The ladders of other severities than the one at the start: severity, then role. What is missing is as
    in `ladders`."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Group to its people."""
    schedules: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict)
    """On-call schedule to its shifts, as far as they were planned when the run started."""
    acting: str = ""
    """The schedule whose person acts as incident commander while nobody holds that role."""
    hours: tuple[tuple[float, float], ...] = ()
    """Business hours of the days ahead, as moments from and to; outside of all of them when empty."""
    named: bool = False
    """The policy names people: what is neither a role, a group nor a schedule of it is one person's name."""
    people: tuple[str, ...] = ()
    """Everybody whom the policy names, if it does: a role is handed over to no other."""
    unsigned: Literal["accept", "refuse"] = "accept"
    """What becomes of a decision or an order without a proof: taken and told as unverified, or refused."""
    keys: tuple[PublicKey, ...] = ()
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Pool to its targets: what share of it a change touches is told to whoever approves."""
    budgets: Mapping[str, int] = field(default_factory=dict)
    """Pool to how many of its targets may be disrupted at once, by all runs together."""
    lease_limit: float = 3600.0
    """Seconds after which whoever commands is told that a lease is still held."""
    on_resolved: Literal["ask", "withdraw"] = "ask"
    """What becomes of a waiting approval when the alert resolves: it is still asked, or withdrawn."""
