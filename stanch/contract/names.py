"""Names of what Temporal knows: queue, messages, activities, search attributes."""

from __future__ import annotations

TASK_QUEUE = "stanch"

UPDATE_DECIDE = "decide"
UPDATE_ABORT = "abort"
UPDATE_ORDER = "order"
UPDATE_JOIN = "join"
UPDATE_HOLD = "hold"
UPDATE_RELEASE = "release"
SIGNAL_APPROVE = "approve"
SIGNAL_DENY = "deny"
SIGNAL_ALERT = "alert"
QUERY_STATE = "state"
QUERY_REQUESTS = "requests"
QUERY_TIMELINE = "timeline"
QUERY_PLAN = "plan"

WORKFLOW_INCIDENT = "IncidentWorkflow"
ACTIVITY_PAGE = "page"
ACTIVITY_TELL = "tell_run"
ACTIVITY_JOIN = "join_incident"
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
