"""The run listens while it waits: its alert resolves or fires again, its severity changes.

What is asked is looked at again then: it is withdrawn when what it needs no longer holds, and asked anew when
it would be another question now (`voiding`). Nothing that somebody has to decide is decided by an alert.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from stanch.conductor.approval import voiding
from stanch.conductor.requests import requesting
from stanch.conductor.state import Phase, State
from stanch.conductor.steps import finish
from stanch.conductor.turn import Turn
from stanch.conductor.wheel.pausing import note
from stanch.contract import Order, Severity
from stanch.language.duration import format_duration


def alert(turn: Turn, status: Literal["firing", "resolved"]) -> None:
    """The alert of this run was delivered again."""
    if status == "resolved" and not turn.resolved:
        turn.note("alert", "the alert has resolved")
        turn.resolved = turn.at
        _look_again(turn, "the alert has resolved")
    elif status == "firing" and turn.resolved:
        after = format_duration(round(turn.at - turn.resolved))
        turn.note("alert", f"the alert fires again, {after} after it had resolved")
        turn.resolved = 0.0
        _look_again(turn, "the alert fires again")


def _look_again(turn: Turn, what: str) -> None:
    if turn.given.revision < 2:
        return
    remark(turn, what)
    if turn.resolved and turn.given.policy.on_resolved == "withdraw":
        _withdraw(turn, what)
    voiding.recheck(turn)


def remark(turn: Turn, what: str) -> None:
    """Whoever looks at what is asked now reads there what has happened since."""
    for opened in list(turn.requests.values()):
        if not opened.closed:
            request = replace(opened.request, notes=(*opened.request.notes, what)[-5:])
            turn.requests[request.id] = replace(opened, request=request)


def _withdraw(turn: Turn, what: str) -> None:
    """Approvals are not asked any more; what is in doubt or has failed still is."""
    for opened in list(turn.requests.values()):
        if not opened.closed and opened.request.kind == "approval":
            requesting.close(turn, opened, f"withdrawn: {what}")
            finish.let_be(turn, turn.nodes[opened.node], Phase.SKIPPED, f"not asked any more: {what}")


def severity_refusal(state: State, order: Order) -> str:
    now = state.given.severity
    if order.to not in get_args(Severity):
        return f"`{order.to}` is no severity; it is one of {', '.join(get_args(Severity))}"
    return f"the run is {now} already" if order.to == now else ""


def change_severity(turn: Turn, order: Order) -> None:
    """From here on its ladders are those of the new severity."""
    before, plan = turn.given.severity, turn.book.plan
    turn.given = replace(turn.given, severity=order.to)  # type: ignore[arg-type]
    text = f"the severity is {order.to} now, it was {before}, says {order.by}"
    note(turn, order, "severity", text)
    if plan.severities and order.to not in plan.severities:
        turn.note("problem", f"this runbook is for {' and '.join(plan.severities)}, and the run goes on")
    remark(turn, text)
    requesting.rerank(turn)
    voiding.recheck(turn)
