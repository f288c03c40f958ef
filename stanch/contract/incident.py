"""An incident as far as it holds the fire of its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stanch.contract.decision import Order
from stanch.contract.policy import PublicKey
from stanch.contract.view import Moment


@dataclass(frozen=True, slots=True)
class Join:
    """A run is about to start for this incident. The answer is why no change may begin, or nothing."""

    run: str


@dataclass(frozen=True, slots=True)
class Member:
    """A run of an incident, as far as the incident knows."""

    run: str
    joined: float
    held: bool = False
    """Its last answer, or its start: no change of it begins."""
    pending: bool = False
    """It is being told the newest order, and has not answered."""
    trouble: str = ""
    """Why it did not obey."""


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident's state, which is also what its query `state` answers."""

    id: str
    held: str = ""
    """By whom and why no change may begin in any of its runs; empty while they may."""
    order: Order | None = None
    """The newest `hold` or `release`: what members are told."""
    members: tuple[Member, ...] = ()
    """Its runs, in the order in which they joined. One that has ended drops out with the next order, or
    when somebody looks after some minutes."""
    timeline: tuple[Moment, ...] = ()
    unsigned: Literal["accept", "refuse"] = "accept"
    """What becomes of an order without a proof. Pinned when the incident began, as `keys` are; `trust` is
    the one way to another key."""
    keys: tuple[PublicKey, ...] = ()
    used: Mapping[str, float] = field(default_factory=dict)
    """Nonces of proofs that were taken, to when they may be forgotten."""


@dataclass(frozen=True, slots=True)
class IncidentInput:
    """The one argument of an incident's workflow."""

    state: IncidentView


@dataclass(frozen=True, slots=True)
class TellTask:
    """Give `order` to the run that joined at the moment `joined`."""

    run: str
    joined: float
    order: Order


@dataclass(frozen=True, slots=True)
class Told:
    """How a run took an order: it obeys, it refuses and says why, or it has ended."""

    end: Literal["obeyed", "refused", "gone"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class JoinTask:
    """Let the run join the incident, from inside of another run. An incident that begins with it pins
    `unsigned` and `keys`."""

    incident: str
    run: str
    unsigned: Literal["accept", "refuse"] = "accept"
    keys: tuple[PublicKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Which of these runs have ended? The answer says of each that has, by its id, why it is gone."""

    members: tuple[Member, ...]
