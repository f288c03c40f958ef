"""Leases: whose hand is on a resource, and who waits for it.

A pool's budget is one too: its claims name the targets that they disrupt, and so many fit in at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stanch.contract.words import Mode, Severity

POOL = "pool/"
"""What the name of a pool's budget begins with; no lock is called so."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a run wants of a lease. `run`, `execution` and `id` name it for ever."""

    run: str
    """The workflow's id."""
    execution: str
    """Temporal's run id: another run may have the same workflow id later."""
    id: str
    """Names it within the run; asked for anew, it has another."""
    capacity: int = 1
    """How many targets may be claimed at once, as the run's policy says; of a lock 1."""
    targets: tuple[str, ...] = ()
    """Of a budget: what is disrupted. Of a lock none, and it counts as one."""
    severity: Severity = "SEV3"
    started_by: str = ""
    mode: Mode = "live"
    asked: float = 0.0
    granted: float = 0.0
    """Since when it holds; 0.0 while it waits."""


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A lease's state, which is also what its query `state` answers."""

    name: str
    holders: tuple[Claim, ...] = ()
    """In the order in which it was granted."""
    queue: tuple[Claim, ...] = ()
    """In the order in which they asked; nobody overtakes."""


@dataclass(frozen=True, slots=True)
class LeaseInput:
    """The one argument of a lease's workflow."""

    state: LeaseView


@dataclass(frozen=True, slots=True)
class LeaseAnswer:
    """How a claim stands: held, waiting, or refused because it could never be granted."""

    execution: str = ""
    """Of the run, as it asked."""
    held: bool = False
    since: float = 0.0
    """When it was granted, once it is held."""
    ahead: int = 0
    """How many wait before it."""
    holders: tuple[Claim, ...] = ()
    """Who keeps it from being granted."""
    waiting: tuple[Claim, ...] = ()
    """Who waits for it behind the claim."""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class LeaseTask:
    """Ask the lease `name` how `claim` stands, whose `run` and `execution` the activity fills in."""

    name: str
    claim: Claim


@dataclass(frozen=True, slots=True)
class LookTask:
    """Ask the runs of these claims on the lease `name` whether they still want them."""

    name: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking at the runs has found."""

    gone: tuple[Claim, ...] = ()
    """Claims that nobody wants any more. One whose run does not answer is not among them."""


@dataclass(frozen=True, slots=True)
class RunLease:
    """A claim as its run sees it: what the run's query `leases` answers, and what is believed."""

    name: str
    id: str
    state: Literal["asked", "waiting", "held", "broken"]
    since: float = 0.0
    """Of the state, as a moment."""
    execution: str = ""
    targets: tuple[str, ...] = ()
    ahead: int = 0
    """While it waits: how many wait before it, and (`holders`) for whom all of them wait."""
    holders: tuple[Claim, ...] = ()
    said: str = ""
    """Of a broken one: by whom and why."""
