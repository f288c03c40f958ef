"""What an order or an answer did, in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time

from stanch.cli.moments import day_clock
from stanch.cli.program import this_program
from stanch.cli.render_answers import answer_line, open_lines, short_name
from stanch.contract import Decision, Order, RunView, Verb

_UNDER_WAY = ("acting", "undoing", "verifying", "doubting")
_NAMED = 3


def confirmation(view: RunView, order: Order, message: str) -> str:
    """What happened, in one line; `view` is the run after it. What has no words here is told by the run."""
    return _SAID[order.verb](view, order) if order.verb in _SAID else message


def answered(view: RunView, decision: Decision, message: str) -> str:
    """What was recorded, and why nothing comes of it yet; `view` is the run after it."""
    if decision.choice != "approve":
        return message
    request = next((one for one in view.requests if one.id == decision.request), None)
    if request is not None and request.answers:
        return f"{message}; {len(request.answers)} of {request.quorum} have agreed, so it is still asked"
    if view.paused:
        return f"{message}; nothing begins while the run is paused; go on: {_line(view, 'resume')}"
    if view.held and view.parked:
        incident = next(iter(view.holds), "")
        words = ("incident", "release", incident) if incident else ("release", short_name(view.run))
        return f"{message}; no change begins while it is on hold; end that: {this_program().line(*words)}"
    return message


def _paused(view: RunView, _: Order) -> str:
    told = f"{short_name(view.run)} is paused, nothing new begins"
    return f"{told}{_under_way(view)}; go on: {_line(view, 'resume')}"


def _held(view: RunView, _: Order) -> str:
    told = f"{short_name(view.run)} holds its fire, diagnosis goes on"
    return f"{told}{_under_way(view)}; end it: {_line(view, 'release')}"


def _resumed(view: RunView, _: Order) -> str:
    return f"{short_name(view.run)} goes on" + (f", but is on hold: {view.held}" if view.held else "")


def _released(view: RunView, _: Order) -> str:
    waits = ", ".join(f"`{each.name}`" for each in view.leases if each.state != "held")
    may = f"queues for {waits}, and goes on with it" if waits else "may change things again"
    return f"{short_name(view.run)} {may}" + (", but is paused" if view.paused else "")


def _broken(view: RunView, order: Order) -> str:
    told = f"{short_name(view.run)} does not hold `{order.lease}` any more, and changes nothing"
    return f"{told}{_under_way(view)}; let it queue again: {_line(view, 'release')}"


def _skipped(view: RunView, order: Order) -> str:
    step = next((each for each in view.steps if each.path == order.step), None)
    if step is None or step.phase == "pending":
        return f"`{order.step}` will be skipped when its turn comes"
    return f"`{order.step}` is {step.phase.replace('_', ' ')}"


def _retried(view: RunView, order: Order) -> str:
    changed = f" with {', '.join(order.inputs)} changed" if order.inputs else ""
    asks = next((f"; it asks again as `{one.id}`" for one in view.requests if one.step == order.step), "")
    return f"`{order.step}` is tried again{changed}{asks}"


def _undoing(view: RunView, order: Order) -> str:
    back = f"up to and including `{order.step}`" if order.step else "all of it"
    done = f"{sum(effect.undone for effect in view.ledger)} of {len(view.ledger)} so far"
    return f"taking back what was changed, {back}: {done}; follow: {_line(view, 'watch')}"


def _withdrawn(view: RunView, order: Order) -> str:
    return f"the decision of {order.by} is withdrawn" + ("; it is asked again" if view.requests else "")


def _acknowledged(_: RunView, order: Order) -> str:
    return f"{order.by} is looking; nobody else is paged for a while"


def _ticked(view: RunView, order: Order) -> str:
    asked = next((one for one in view.requests if one.checklist and order.request in ("", one.id)), None)
    if asked is None:
        return "ticked"
    if left := open_lines(asked):
        done = len(asked.checklist) - len(left)
        return f"ticked; {done} of {len(asked.checklist)} lines are done"
    line = answer_line(view, asked, "done", this_program(), named=len(view.requests) > 1)
    return f"ticked; all {len(asked.checklist)} lines are done, so say that it is: {line}"


def _handed(view: RunView, order: Order) -> str:
    asked = sum(order.role in one.roles for one in view.requests)
    open_ones = f"; {asked} open request{'s' * (asked != 1)} now theirs" if asked else ""
    return f"{order.role} is {order.to} from now on{open_ones}"


def _trusted(view: RunView, order: Order) -> str:
    key = order.key
    if key is None:
        return "nothing is trusted"
    if key.end and key.end <= time():
        return f"{short_name(view.run)} does not believe the key {key.id} any more"
    until = f", until {day_clock(key.end)}" if key.end else ""
    return f"{short_name(view.run)} believes the key {key.id} from now on{until}"


def _ranked(view: RunView, _: Order) -> str:
    return f"{short_name(view.run)} is {view.severity} now"


_SAID: Mapping[Verb, Callable[[RunView, Order], str]] = {
    "pause": _paused,
    "resume": _resumed,
    "hold": _held,
    "release": _released,
    "break": _broken,
    "skip": _skipped,
    "retry": _retried,
    "undo": _undoing,
    "withdraw": _withdrawn,
    "acknowledge": _acknowledged,
    "tick": _ticked,
    "handover": _handed,
    "severity": _ranked,
    "trust": _trusted,
}


def _under_way(view: RunView) -> str:
    """What was not stopped, because it had begun."""
    going = [step.path for step in view.steps if step.phase in _UNDER_WAY]
    more = f" and {len(going) - _NAMED} more" if len(going) > _NAMED else ""
    return f" (still under way: {', '.join(going[:_NAMED])}{more})" if going else ""


def _line(view: RunView, command: str) -> str:
    return this_program().line(command, short_name(view.run))
