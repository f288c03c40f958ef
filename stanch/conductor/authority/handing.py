"""Two orders about the people of a run: hand a role over, and acknowledge a request.

What is open then is asked of others: whoever holds the role now is paged, and what the former holder has said
as a part of a quorum does not count any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stanch.conductor.authority import proving
from stanch.conductor.authority.people import (
    People,
    clock,
    holders,
    is_held,
    known_people,
    spoken_for,
)
from stanch.conductor.requests.climbing import page, refreshed, shown
from stanch.conductor.requests.ladder import ladder_of
from stanch.conductor.requests.requesting import acknowledge, readdress
from stanch.conductor.state import OpenRequest, State
from stanch.conductor.turn import Turn
from stanch.contract import Order
from stanch.language.people import IC, asked_roles
from stanch.language.words import did_you_mean


def handover_refusal(state: State, order: Order) -> str:
    role, to = order.role, order.to
    if not to.strip() or to != to.strip():
        return "a handover needs the name of the person who takes the role, without spaces around it"
    if role not in (known := _roles(state)):
        return _no_role(state, role, known)
    if holders(state, role, state.clock) == frozenset((to,)) and is_held(state, role, state.clock):
        return f"{to} holds {role} already"
    people = known_people(state) if state.given.policy.named else frozenset((to,))
    if to not in people:
        return "; ".join(filter(None, (f"the policy does not name `{to}`", did_you_mean(to, people))))
    return ""


def hand_over(turn: Turn, order: Order) -> None:
    was = {
        opened.request.id: _standing(turn, opened, order.role, _asked_at(turn, opened))
        for opened in _open(turn)
    }
    words = _words(turn, order)
    turn.roles[order.role] = (order.to,)
    turn.handed[order.role] = words
    turn.note("handover", f"{words}: {order.reason} {_said(turn, order)}", by=order.by)
    for opened in _open(turn):
        before, now = was[opened.request.id], _standing(turn, opened, order.role, turn.at)
        if before.answering != now.answering:
            readdress(turn, _without_former(turn, opened, before, now, words), order.role)
        elif before.paged != now.paged:
            # Whoever was told of it as a rung of its ladder has passed that on with the role.
            turn.requests[opened.request.id] = page(turn, opened, order.role)
        changed = turn.requests[opened.request.id]
        turn.requests[opened.request.id] = refreshed(turn, changed)


def acknowledge_refusal(state: State, order: Order) -> str:
    if state.given.revision < 2:
        return "this run was started by an earlier release, which knows no acknowledgement"
    opened = [each for each in state.requests.values() if not each.closed]
    names = ", ".join(f"`{each.request.id}`" for each in opened)
    if not opened:
        return "nothing is asked now, so there is nothing to acknowledge"
    if not order.request and len(opened) > 1:
        return f"several requests are open: {names}; say which one"
    if order.request and all(each.request.id != order.request for each in opened):
        return f"there is no open request `{order.request}`; open: {names}"
    return ""


def look(turn: Turn, order: Order) -> None:
    opened = next(
        each for each in turn.requests.values() if not each.closed and order.request in ("", each.request.id)
    )
    quiet = acknowledge(turn, opened, order.by)
    text = f"{order.by} looks at `{opened.request.id}`; it climbs on at {clock(quiet)} {_said(turn, order)}"
    turn.note("acknowledged", text, step=opened.node, by=order.by)


def _words(turn: Turn, order: Order) -> str:
    """How the role came to its new holder. The reason of every later refusal of the former one."""
    role, to, by = order.role, order.to, order.by
    held = holders(turn, role, turn.at)
    if not is_held(turn, role, turn.at):
        text = (
            f"{to} took {role}, which nobody held,"
            if by == to
            else f"{by} gave {role}, which nobody held, to {to}"
        )
    elif by == to:
        text = f"{to} took over {role}"
    elif held is None or by in held:
        text = f"{by} handed {role} to {to}"
    else:
        text = f"{by}, who has the command, handed {role} to {to}"
    return f"{text} at {clock(turn.at)}"


def _said(turn: Turn, order: Order) -> str:
    """How sure it is who gave the order."""
    return f"({proving.mark(turn, order)}, via {order.via})"


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a request stands with the people at one moment."""

    answering: tuple[People, ...]
    """Who answers for each of its roles."""
    paged: People
    """Who was told of it under the role that is handed over; nobody if that is no rung that was paged."""
    speaks: Mapping[str, frozenset[str]]
    """For which of its roles each who has approved speaks."""


def _asked_at(turn: Turn, opened: OpenRequest) -> float:
    """The moment as of which people have been told of it: the page of a shift that has begun since may still
    be kept back, by a pause or an acknowledgement."""
    return opened.shifts_at if turn.given.revision >= 2 and opened.shifts_at else turn.at


def _standing(turn: Turn, opened: OpenRequest, role: str, at: float) -> _Standing:
    asked = opened.request.roles
    rungs = ladder_of(turn.given, opened.request).rungs
    told = role in {rungs[number].page for number in opened.reached}
    return _Standing(
        tuple(holders(turn, each, at) for each in asked),
        holders(turn, role, at) if told else frozenset(),
        {given.by: frozenset(spoken_for(turn, asked, given.by, turn.at)) for given in opened.given},
    )


def _without_former(
    turn: Turn, opened: OpenRequest, was: _Standing, now: _Standing, words: str
) -> OpenRequest:
    """Without the approvals that were given only for a role that is somebody else's now."""
    kept, spoke = [], dict(opened.spoke)
    for decision in opened.given:
        by = decision.by
        left = (frozenset(opened.spoke.get(by, ())) - (was.speaks[by] - now.speaks[by])) | now.speaks[by]
        spoke[by] = tuple(role for role in opened.request.roles if role in left)
        if left:
            kept.append(decision)
        else:
            turn.note("dropped", f"{by}'s approval does not count any more: {words}", step=opened.node, by=by)
    answers = tuple(decision.by for decision in kept)
    return shown(replace(opened, given=tuple(kept), spoke=spoke), answers=answers)


def _open(turn: Turn) -> list[OpenRequest]:
    return [opened for opened in turn.requests.values() if not opened.closed]


def _roles(state: State) -> set[str]:
    """All that this run knows as a role."""
    policy = state.given.policy
    ladders = [
        *policy.ladders.values(),
        *(each for held in policy.by_severity.values() for each in held.values()),
    ]
    found = {IC, *policy.roles, *policy.ladders, *state.roles, *asked_roles(state.given.plan)}
    found |= {rung.page for ladder in ladders for rung in ladder.rungs}
    found |= {role for opened in state.requests.values() for role in opened.request.roles}
    people = known_people(state) if policy.named else frozenset[str]()
    return found - set(policy.groups) - set(policy.schedules) - people


def _no_role(state: State, role: str, known: set[str]) -> str:
    policy = state.given.policy
    for kind, names in (("group", policy.groups), ("schedule", policy.schedules)):
        if role in names:
            return f"`{role}` is a {kind} of the policy; what is handed over is a role"
    hint = did_you_mean(role, known) or f"it knows {', '.join(sorted(known))}"
    return f"this run knows no role `{role}`; {hint}"
