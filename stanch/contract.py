"""The names and payloads that workflows, activities, gateway and CLI share. Nothing else crosses.

Every payload is a frozen dataclass of plain data. Fields that equal their default are not written to the
history, so a field may be added with a default; a default may not be changed. Moments are seconds since the
epoch, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from stanch.language.plan import Call, Check, Json, Link, Plan, Poll, Suggestion, Verdict

TASK_QUEUE = "stanch"

UPDATE_DECIDE = "decide"
UPDATE_ABORT = "abort"
SIGNAL_APPROVE = "approve"
SIGNAL_DENY = "deny"
SIGNAL_ALERT = "alert"
QUERY_STATE = "state"
QUERY_REQUESTS = "requests"
QUERY_TIMELINE = "timeline"
QUERY_PLAN = "plan"

ACTIVITY_PAGE = "page"
ACTIONS = ("ansible", "http", "prometheus", "ssh")
"""Each is an activity type of that name: `ActionTask` in, `ActionReport` out."""

SEARCH_SEVERITY = "StanchSeverity"
SEARCH_SERVICE = "StanchService"
SEARCH_RUNBOOK = "StanchRunbook"
SEARCH_INCIDENT = "StanchIncident"
SEARCH_PHASE = "StanchPhase"
SEARCH_DRILL = "StanchDrill"
SEARCH_KEYWORDS = (SEARCH_SEVERITY, SEARCH_SERVICE, SEARCH_RUNBOOK, SEARCH_INCIDENT, SEARCH_PHASE)
SEARCH_BOOLS = (SEARCH_DRILL,)

Severity: TypeAlias = Literal["SEV1", "SEV2", "SEV3", "SEV4"]
Mode: TypeAlias = Literal["live", "drill", "dry_run"]
Outcome: TypeAlias = Literal["succeeded", "failed", "refused", "denied", "aborted", "in_doubt"]
Choice: TypeAlias = Literal["approve", "deny", "retry", "skip", "undo", "abort", "done", "answer", "fail"]


# --- how a run is started ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rung:
    """After `after` seconds without an answer, `page` is paged: a role or a person."""

    after: float
    page: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """Whom an unanswered request climbs to, and what silence ends in. Rungs are in order of time."""

    rungs: tuple[Rung, ...]
    silence_after: float
    silence_then: Literal["deny", "abort"] = "deny"


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """The part of the policy that a run needs, pinned when it starts."""

    ladders: Mapping[str, Ladder] = field(default_factory=dict)
    """By role; a role that is missing is paged itself, and then climbs as `incident_commander` does."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Role to the people who hold it; a role that is missing may be taken by anybody."""
    self_approval: bool = False


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


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run that has ended returns. `failed` and `in_doubt` end as a failed workflow instead, with this
    as the failure's first detail."""

    outcome: Outcome
    reason: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)


# --- what an activity gets and gives ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ActionTask:
    """One action to carry out: rendered, complete, and all that the activity is told."""

    step: str
    """Path of the step in its run, such as `roll_back[1]`."""
    call: Call
    effect: Literal["read", "change"] = "read"
    timeout: float = 60.0
    """Seconds for the action itself; waiting for `poll` or `done` has its own `within`."""
    poll: Poll | None = None
    """Repeat the (reading) call until this holds."""
    done: Check | None = None
    """Ask before: if it holds, nothing is executed (`already`). Ask after, until it holds."""
    scope: Mapping[str, Json] = field(default_factory=dict)
    """The names that `poll.until` and `done.poll.until` may read beside `result`."""
    key: str = ""
    """Names this execution for ever (run, step, attempt): the idempotency key of a change."""
    keep: Mapping[str, str] = field(default_factory=dict)
    """Label to CEL over `result` and `scope`: what is stored as evidence, and not in the history."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A piece of evidence that was stored beside the history."""

    name: str
    """A label such as `controller.log`."""
    step: str = ""
    """Path of the step that kept it."""
    digest: str = ""
    """SHA-256 of what is stored, in hex."""
    size: int = 0
    """Bytes stored."""
    truncated: bool = False
    path: str = ""
    """Below the folder of evidence."""
    error: str = ""
    """Why it was not stored."""


@dataclass(frozen=True, slots=True)
class ActionReport:
    """What an action gave. A failure is raised instead, as one of the families of `stanch.errors`."""

    result: Json = None
    already: bool = False
    """`done` held before anything was executed, so nothing was."""
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Heartbeat detail: how far an action is; `acting` is the only phase in which its outcome is unknown."""

    phase: Literal["checking", "acting", "waiting"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PageTask:
    """Tell somebody that they are needed."""

    run: str
    request: str
    to: str
    """A role or a person."""
    rung: int
    severity: Severity
    text: str
    url: str = ""


# --- requests and decisions -------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's answer. A denial, and every choice on a failed step, needs a reason."""

    request: str
    choice: Choice
    by: str
    digest: str = ""
    reason: str = ""
    confirm: str = ""
    via: str = "cli"
    values: Mapping[str, Json] = field(default_factory=dict)
    """Of an `answer`: a value for each field."""


@dataclass(frozen=True, slots=True)
class Abort:
    by: str
    reason: str
    via: str = "cli"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer of the Updates: what was recorded, in words."""

    message: str
    request: str = ""
    choice: str = ""


@dataclass(frozen=True, slots=True)
class AlertChanged:
    """An alert of this run was delivered again: still firing, or resolved."""

    status: Literal["firing", "resolved"]
    fingerprint: str
    at: float = 0.0


# --- what the queries answer ------------------------------------------------------------------------------


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
    """For a person."""
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
class Effected:
    """A line of the ledger: a change that this run completed, and its way back."""

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
