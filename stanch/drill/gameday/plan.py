"""A drill as it is carried out: compiled, without places, and all that its workflow needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stanch.contract import Outcome, Severity
from stanch.contract.drill import DrillMode
from stanch.language.plan import Json


@dataclass(frozen=True, slots=True)
class AlertInject:
    """An alert is delivered, as Alertmanager would; again with `status` resolved."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    status: Literal["firing", "resolved"] = "firing"
    times: int = 1
    """How many alerts that differ in the label `drill_copy`: a storm."""


@dataclass(frozen=True, slots=True)
class RunInject:
    """Somebody starts a runbook by hand."""

    runbook: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    by: str = ""
    """Who; the facilitator when it is not said."""


@dataclass(frozen=True, slots=True)
class MessageInject:
    """People are told something: a customer's call, a manager's question."""

    text: str
    to: str = ""
    """A role or a participant; everybody when it is not said."""


@dataclass(frozen=True, slots=True)
class LeaveInject:
    """Whoever holds a role is out of reach from now on: no page reaches them, and they do not answer."""

    role: str


@dataclass(frozen=True, slots=True)
class FaultInject:
    """Something is broken for real, by a runbook that knows its way back; taken back at the drill's end."""

    runbook: str
    inputs: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScriptInject:
    """From now on a runbook's steps find something else: YAML, laid over what `given` says of these steps."""

    runbook: str
    given: str


@dataclass(frozen=True, slots=True)
class TimedInject:
    """`what` happens so many seconds after the drill's start; `name` is for people and the score."""

    at: float
    name: str
    alert: AlertInject | None = None
    run: RunInject | None = None
    message: MessageInject | None = None
    leave: LeaveInject | None = None
    fault: FaultInject | None = None
    script: ScriptInject | None = None


@dataclass(frozen=True, slots=True)
class Expectations:
    """What should be seen; None and empty are not looked at. Limits are seconds from the first run."""

    acknowledged: float | None = None
    decided: float | None = None
    mitigated: float | None = None
    updated: float | None = None
    """Until people outside were told: a step that tells, or a run of a runbook that does."""
    severity: Severity | None = None
    """As it is at the end, of the first run."""
    outcome: Outcome | None = None
    runbook: str = ""
    """The runbook that the first alert should have started."""
    steps: Mapping[str, str] = field(default_factory=dict)
    """Step to how it should end (`succeeded`, `skipped`, ...): the branch that is taken."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a drill stops by itself, and everything is taken back."""

    duration: float = 3600.0
    targets: int = 10
    """Distinct targets that its runs may change."""
    abort: tuple[str, ...] = ()
    """CEL over `drill` (`elapsed runs failed in_doubt climbs`): the drill is aborted as soon as one holds."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a drill takes place by itself: a cron line in a time zone."""

    cron: tuple[str, ...]
    zone: str = "UTC"
    jitter: float = 0.0
    overlap: Literal["skip", "buffer_one"] = "skip"


@dataclass(frozen=True, slots=True)
class DrillPlan:
    """A drill, compiled."""

    name: str
    title: str
    scenario: str
    owner: str
    mode: DrillMode
    severity: Severity = "SEV3"
    runbooks: tuple[str, ...] = ()
    """That its alerts may start, and its people."""
    participants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Role to those who take turns in it."""
    facilitator: str = ""
    pages: Literal["participants", "usual"] = "participants"
    tells: Literal["nobody", "usual"] = "nobody"
    injects: tuple[TimedInject, ...] = ()
    """In order of time."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Runbook to YAML: the part `given` of a rehearsal of it."""
    expect: Expectations = field(default_factory=Expectations)
    limits: Limits = field(default_factory=Limits)
    timing: Timing | None = None
