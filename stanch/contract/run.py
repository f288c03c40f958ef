"""How a run is started, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanch.contract.decision import Proof
from stanch.contract.drill import DrillRef
from stanch.contract.policy import RunPolicy
from stanch.contract.words import Mode, Outcome, Severity
from stanch.language.plan import Json, Plan


@dataclass(frozen=True, slots=True)
class Trigger:
    """The alert that started a run."""

    source: str
    fingerprint: str
    summary: str = ""
    url: str = ""
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class IncidentRef:
    """The incident that a run belongs to, as it was when the run started."""

    id: str
    severity: Severity
    title: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class RunInput:
    """The one argument of a runbook workflow. Its workflow type is the runbook's name."""

    plan: Plan
    inputs: Mapping[str, Json] = field(default_factory=dict)
    started_by: str = ""
    severity: Severity = "SEV3"
    mode: Mode = "live"
    service: str = ""
    trigger: Trigger | None = None
    policy: RunPolicy = field(default_factory=RunPolicy)
    url: str = ""
    """The run's page in the Temporal Web UI."""
    incident: IncidentRef | None = None
    revision: int = 1
    """Of the conductor's rules; every release keeps to those under which a run was started."""
    held: str = ""
    """Why no change may begin from the start: its incident was on hold then."""
    own_hold: str = ""
    """Why the run that left this one behind was on hold by itself, and not by its incident."""
    flaps: tuple[str, ...] = ()
    """Runs of the same runbook for the same alert shortly before, a line each. Any at all: nothing runs until
    a person has said so."""
    names: Mapping[str, Json] = field(default_factory=dict)
    """Names, beside its own, that its expressions may read: what the run that left it behind has fixed."""
    drill: DrillRef | None = None
    """The game day that it belongs to; its `mode` is then `drill`."""
    proof: Proof | None = None
    """That `started_by` has started just this, under this run's id."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run that has ended returns. `failed` and `in_doubt` end as a failed workflow instead, with this
    as the failure's first detail."""

    outcome: Outcome
    reason: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Followup:
    """A run that a run leaves behind at its end, to put back later what it has borrowed."""

    suffix: str
    """What its id has behind that of the run: `/return-1`."""
    given: RunInput
