"""Whose the wheel is: who may give which order. To stop is never hard; to go on or to change the run is the
commander's, or theirs who answer for the step."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.conductor.authority.people import (
    holders,
    is_held,
    known_people,
    listed,
    may_be,
    not_yours,
    resolve,
    spoken_for,
)
from stanch.conductor.state import State
from stanch.contract import Order
from stanch.language.people import IC
from stanch.language.plan import Plan, Step, all_steps


def may_order(state: State, order: Order, at: float) -> str:
    """Why the order is not this person's to give; empty when it is."""
    match order.verb:
        case "pause" | "hold" | "trust":
            # Whoever sees harm may stop it; and a key is believed for its proof, not for a role.
            return ""
        case "acknowledge" | "tick":
            return _may_look(state, order, at)
        case "withdraw":
            return _may_withdraw(state, order)
        case "handover":
            return _may_hand_over(state, order, at)
        case _:
            return may_command(state, order.by, order.step, at)


def may_command(state: State, person: str, step: str, at: float) -> str:
    """Why the person may not say where the run goes, or (`step`, a path) what becomes of a step; empty when
    they may: who commands, and who answers for the step or, without one, for what is asked now."""
    if may_be(state, person, IC, at):
        return ""
    roles = tuple(_answering(state, step) if step else _asked(state))
    if spoken_for(state, roles, person, at):
        return ""
    return not_yours(state, tuple(dict.fromkeys((IC, *roles))), person, at)


def may_abort(state: State, person: str, at: float) -> str:
    """Why the person may not end the run; empty when they may: who commands, and who answers for what is
    asked or under way."""
    if state.given.revision < 2:
        return ""
    under_way = (role for path in state.live for role in _answering(state, path))
    roles = tuple(dict.fromkeys((IC, *_asked(state), *under_way)))
    if spoken_for(state, roles, person, at):
        return ""
    return f"{not_yours(state, roles, person, at)}; `pause` and `hold` stop it too, and anybody may"


def _may_look(state: State, order: Order, at: float) -> str:
    roles = tuple(_asked(state, order.request))
    known = known_people(state)
    if order.by in known or spoken_for(state, roles, order.by, at) or not (roles and known):
        return ""
    return f"the policy does not name {order.by}; `{order.verb}` is for those whom it names"


def _may_withdraw(state: State, order: Order) -> str:
    for opened in state.requests.values():
        if order.request in ("", opened.request.id) and any(each.by == order.by for each in opened.given):
            return ""
    return f"{order.by} has decided nothing that could be withdrawn"


def _may_hand_over(state: State, order: Order, at: float) -> str:
    if order.by == order.to and not is_held(state, order.role, at):
        return ""
    if may_be(state, order.by, order.role, at) or may_be(state, order.by, IC, at):
        return ""
    held = holders(state, order.role, at)
    who = "" if held is None else f", which {listed(held)} may do now"
    why = state.handed.get(order.role) or resolve(state, order.role, at).why
    return f"{order.by} may not hand over {order.role}{who}" + (f": {why}" if why else "")


def _asked(state: State, request: str = "") -> Iterator[str]:
    """Roles of the open requests, or of one of them."""
    for opened in state.requests.values():
        if not opened.closed and request in ("", opened.request.id):
            yield from opened.request.roles


def _answering(state: State, path: str) -> Iterator[str]:
    """Roles whose approval the step at `path`, or a block around it, needs."""
    node = state.nodes.get(path)
    if node is None:
        # Its turn has not come: the step is known, and not what is around it.
        step = _step(state.given.plan, _runbook(state, path), path.replace("/", ".").rpartition(".")[2])
        yield from step.approval.roles if step and step.approval else ()
        return
    while node.path:
        step = _step(state.given.plan, node.runbook, node.step)
        yield from step.approval.roles if step and step.approval else ()
        node = state.nodes[node.parent or ""]


def _runbook(state: State, path: str) -> str:
    """Of which runbook the step at `path` is, as the call that it is inside of says."""
    call = state.nodes.get(path.rpartition("/")[0])
    step = _step(state.given.plan, call.runbook, call.step) if call is not None else None
    return step.child.runbook if step and step.child else ""


def _step(plan: Plan, runbook: str, name: str) -> Step | None:
    held = plan.children.get(runbook, plan)
    return next((step for step in all_steps(held.steps) if step.id == name), None)
