"""Names of what Temporal knows: queue, messages, activities, search attributes."""

from __future__ import annotations

TASK_QUEUE = "stanch"


UPDATE_DECIDE = "decide"
UPDATE_ABORT = "abort"
UPDATE_ORDER = "order"
UPDATE_JOIN = "join"
UPDATE_HOLD = "hold"
UPDATE_RELEASE = "release"
UPDATE_ASK = "ask"
UPDATE_TRUST = "trust"
SIGNAL_APPROVE = "approve"
SIGNAL_DENY = "deny"
SIGNAL_ALERT = "alert"
SIGNAL_LEASE = "lease"
"""A lease rings at a run that waits for it."""
SIGNAL_BELL = "bell"
"""A run rings at a lease that it has given back."""
QUERY_STATE = "state"
QUERY_REQUESTS = "requests"
QUERY_TIMELINE = "timeline"
QUERY_PLAN = "plan"
QUERY_LEASES = "leases"

WORKFLOW_INCIDENT = "IncidentWorkflow"
WORKFLOW_LEASE = "LeaseWorkflow"
ACTIVITY_PAGE = "page"
ACTIVITY_TELL = "tell_run"
ACTIVITY_JOIN = "join_incident"
ACTIVITY_LEASE = "ask_lease"
ACTIVITY_LOOK = "look_at_holders"
ACTIVITY_ENDED = "ended_runs"
ACTIONS = (
    "ansible",
    "aws",
    "command",
    "dns",
    "file",
    "flag",
    "haproxy",
    "http",
    "kubernetes",
    "logs",
    "notify",
    "page",
    "pipeline",
    "postgres",
    "prometheus",
    "pull_request",
    "redis",
    "release",
    "silence",
    "sql",
    "ssh",
    "systemd",
    "tcp",
    "ticket",
    "tls",
)
"""Each has an activity, of the type that `activity_of` tells: `ActionTask` in, `ActionReport` out."""


def activity_of(action: str) -> str:
    """The activity's type: the action's own name, but for `page`, which is a type of the Ladder's."""
    return "page_out" if action == "page" else action


MEMO_HELD = "held"
"""Of an incident: why it is on hold, for lists."""

SEARCH_SEVERITY = "StanchSeverity"
SEARCH_SERVICE = "StanchService"
SEARCH_RUNBOOK = "StanchRunbook"
SEARCH_INCIDENT = "StanchIncident"
SEARCH_PHASE = "StanchPhase"
SEARCH_DRILL = "StanchDrill"
SEARCH_KEYWORDS = (SEARCH_SEVERITY, SEARCH_SERVICE, SEARCH_RUNBOOK, SEARCH_INCIDENT, SEARCH_PHASE)
SEARCH_BOOLS = (SEARCH_DRILL,)


def zone_queue(zone: str) -> str:
    """The queue of a zone's workers; that of all others when it has no name."""
    return f"{TASK_QUEUE}.{zone}" if zone else TASK_QUEUE
