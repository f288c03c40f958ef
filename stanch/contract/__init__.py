"""The names and payloads that workflows, activities, gateway and CLI share. Nothing else crosses.

Every payload is a frozen dataclass of plain data. Fields that equal their default are not written to the
history, so a field may be added with a default; a default may not be changed. Moments are seconds since the
epoch, durations are seconds.
"""

from stanch.contract.action import ActionReport, ActionTask, Kept, PageTask, Progress, TargetEnd
from stanch.contract.decision import Abort, Accepted, AlertChanged, Decision, Order, Proof
from stanch.contract.names import (
    ACTIONS,
    ACTIVITY_PAGE,
    QUERY_PLAN,
    QUERY_REQUESTS,
    QUERY_STATE,
    QUERY_TIMELINE,
    SEARCH_BOOLS,
    SEARCH_DRILL,
    SEARCH_INCIDENT,
    SEARCH_KEYWORDS,
    SEARCH_PHASE,
    SEARCH_RUNBOOK,
    SEARCH_SERVICE,
    SEARCH_SEVERITY,
    SIGNAL_ALERT,
    SIGNAL_APPROVE,
    SIGNAL_DENY,
    TASK_QUEUE,
    UPDATE_ABORT,
    UPDATE_DECIDE,
    UPDATE_ORDER,
)
from stanch.contract.policy import Ladder, PublicKey, Rung, RunPolicy, Shift
from stanch.contract.request import Change, Found, Request, Tick
from stanch.contract.run import IncidentRef, RunInput, RunResult, Trigger
from stanch.contract.view import Effected, Moment, RunView, Spent, StepView
from stanch.contract.words import REVISION, Choice, Mode, Outcome, Severity, Verb

__all__ = [
    "ACTIONS",
    "ACTIVITY_PAGE",
    "QUERY_PLAN",
    "QUERY_REQUESTS",
    "QUERY_STATE",
    "QUERY_TIMELINE",
    "REVISION",
    "SEARCH_BOOLS",
    "SEARCH_DRILL",
    "SEARCH_INCIDENT",
    "SEARCH_KEYWORDS",
    "SEARCH_PHASE",
    "SEARCH_RUNBOOK",
    "SEARCH_SERVICE",
    "SEARCH_SEVERITY",
    "SIGNAL_ALERT",
    "SIGNAL_APPROVE",
    "SIGNAL_DENY",
    "TASK_QUEUE",
    "UPDATE_ABORT",
    "UPDATE_DECIDE",
    "UPDATE_ORDER",
    "Abort",
    "Accepted",
    "ActionReport",
    "ActionTask",
    "AlertChanged",
    "Change",
    "Choice",
    "Decision",
    "Effected",
    "Found",
    "IncidentRef",
    "Kept",
    "Ladder",
    "Mode",
    "Moment",
    "Order",
    "Outcome",
    "PageTask",
    "Progress",
    "Proof",
    "PublicKey",
    "Request",
    "RunInput",
    "RunPolicy",
    "RunResult",
    "RunView",
    "Rung",
    "Severity",
    "Shift",
    "Spent",
    "StepView",
    "TargetEnd",
    "Tick",
    "Trigger",
    "Verb",
]
