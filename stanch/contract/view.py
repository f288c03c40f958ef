"""What the queries answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanch.contract.action import Kept
from stanch.contract.lease import RunLease
from stanch.contract.request import Found, Request
from stanch.contract.run import IncidentRef
from stanch.contract.words import Mode, Outcome, Severity
from stanch.language.plan import Call, Check, Json, Revert


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a run's timeline."""

    at: float
    kind: str
    text: str
    step: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """Where the run's time went, in seconds."""

    automation: float = 0.0
    waiting: float = 0.0
    """For a person, or for a lease that another run holds."""
    in_doubt: float = 0.0
    soaking: float = 0.0
    """Watching whether it helped."""


@dataclass(frozen=True, slots=True)
class StepView:
    path: str
    title: str
    phase: str
    started: float = 0.0
    ended: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plotted:
    """Series that a step has given, for whoever can draw them."""

    name: str
    """Of the output, such as `latency.p99`; of the step where it has no outputs."""
    series: Json
    """As the step gave them: a series, or a list of them, each with `labels` and `points`."""


@dataclass(frozen=True, slots=True)
class Effected:
    """A line of the ledger: a change that this run has made, and its way back."""

    step: str
    target: str
    command: str
    at: float
    undo: Call | None = None
    undone: bool = False
    irreversible: str = ""
    reverts: str | None = None
    """Path of the block, child or run at whose end it is put back; empty for the run, None if at none."""
    returned: bool = False
    """It is undone because it was borrowed, and came back."""
    part_of: str = ""
    """Path of the block whose one way back takes this back too."""
    later: Revert | None = None
    """When it comes back after the run has ended, its texts filled in; None if not then."""
    reads: Mapping[str, Json] = field(default_factory=dict)
    """The names that the condition of `later` reads, as they were then."""
    unsure: bool = False
    """Nobody knows how an attempt to take it back ended, so it may be back."""
    gone: Check | None = None
    """Holds when the change is not in place any more: its `done`, turned round. None where nothing tells."""
    verified: bool = False
    """It is undone, and was seen not to be in place any more."""
    locks: tuple[str, ...] = ()
    """The resources that the runbooks which made it hold, names filled in."""
    left_to: str = ""
    """Id of the run that was left behind to bring it back."""
    doubtful: bool = False
    """Nobody knows whether it was made; it is here because it is to be taken back all the same."""
    incomplete: str = ""
    """Why its step has failed although it was executed, on some of its targets or on all; empty when it is
    complete."""


@dataclass(frozen=True, slots=True)
class RunView:
    """All of a run as it stands: what `stanch show` prints."""

    run: str
    runbook: str
    title: str
    digest: str
    phase: str
    severity: Severity
    mode: Mode
    started_by: str
    started: float
    ended: float = 0.0
    outcome: Outcome | None = None
    reason: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)
    url: str = ""
    steps: tuple[StepView, ...] = ()
    requests: tuple[Request, ...] = ()
    timeline: tuple[Moment, ...] = ()
    ledger: tuple[Effected, ...] = ()
    spent: Spent = field(default_factory=Spent)
    findings: tuple[Found, ...] = ()
    kept: tuple[Kept, ...] = ()
    as_of: float = 0.0
    """The moment that `spent` reaches to: the run's last turn, which may be long ago while it waits."""
    paused: str = ""
    """By whom and why; empty while it goes on."""
    full: str = ""
    """How full its history is, if nothing new begins for that; empty while it may."""
    earlier: int = 0
    """How many moments there were before those of `timeline`."""
    left_out: tuple[str, ...] = ()
    """What of a large run is not shown here, in words: `9,000 steps that ended well`."""
    held: str = ""
    """By whom and why no change may begin; empty while they may."""
    holds: Mapping[str, str] = field(default_factory=dict)
    """What `held` says, by the incident for which it was ordered; the run's own under the empty name."""
    parked: tuple[str, ...] = ()
    """Paths of the steps whose turn has come and that a pause or a hold keeps back."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who holds the roles that were handed over in this run."""
    resolved: float = 0.0
    """When its alert resolved; 0.0 while it fires, or when there is none."""
    mitigated: float = 0.0
    """When a `verify` after a change first held: the moment to propose as the incident's mitigation."""
    leases: tuple[RunLease, ...] = ()
    """What it holds and waits for, in the order in which it was taken."""
    agenda: tuple[str, ...] = ()
    """What the review has to speak of, such as a broken glass."""
    service: str = ""
    incident: IncidentRef | None = None
    """The incident that it belongs to, as it was when the run started."""
    starter: str = ""
    """How sure it is that `started_by` has started it; empty where nobody has a key."""
    plots: tuple[Plotted, ...] = ()
