"""Hold fire: no change begins in any run of an incident, while diagnosis goes on.

1. A member is `pending` from an order on until it has answered that order, or a later one.
2. A run that joins while the incident is on hold is held from its start, so it need not be told.
3. The incident lets go as soon as no member has refused to; one that refuses keeps all later runs held, too.
   It ends when it has no member and is not on hold.
4. The timeline is bounded, and so is everything else but the members.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from stanch.conductor.authority.people import clock
from stanch.conductor.authority.trusting import trust_words
from stanch.contract import IncidentView, Join, Look, Member, Moment, Order, TellTask, Told
from stanch.incident import proving

_MOMENTS = 200
_NAMED = 5
"""Runs that are named in one sentence."""


def joined(state: IncidentView, join: Join, at: float) -> IncidentView:
    """With the run as a member. Who is one already may be under way, or about to start anew under the same
    id, so it is told of a hold again."""
    before = next((member for member in state.members if member.run == join.run), None)
    held = bool(state.held)
    again = before is not None and (held or before.pending)
    member = Member(join.run, at, held=held and not again, pending=again)
    others = tuple(each for each in state.members if each.run != join.run)
    words = f"{join.run} joined" + (", on hold from its start" if held else "")
    return _with(replace(state, members=(*others, member)), at, "joined", words)


def refusal(state: IncidentView, order: Order, at: float) -> str:
    """Why the order makes no sense now, in words for a tired person; empty when it does."""
    if not order.by.strip() or order.by != order.by.strip():
        return "an order needs the name of the person who gives it, without spaces around it"
    if order.incident != state.id:
        return f"the order is for the incident {order.incident}, and this is {state.id}"
    if order.verb == "hold":
        wrong = "" if order.reason.strip() else "`hold` needs a reason"
    elif order.verb == "trust":
        wrong = proving.not_trusted(state, order)
    elif order.verb != "release":
        wrong = f"an incident takes `hold`, `release` and `trust`, not `{order.verb}`"
    elif not state.held and not any(member.held or member.pending for member in state.members):
        wrong = f"the incident {state.id} is not on hold"
    else:
        wrong = ""
    return wrong or proving.refusal(state, order, at)


def ordered(state: IncidentView, order: Order, at: float) -> IncidentView:
    """With the members that have to be told as `pending`. A `hold` counts for later runs at once."""
    hold = order.verb == "hold"
    reason = f": {order.reason}" if order.reason else ""
    members = tuple(
        replace(each, pending=each.pending or each.held != hold, trouble="") for each in state.members
    )
    text = f"{order.by} put the incident {state.id} on hold at {clock(at)}{reason}"
    held = text if hold else state.held
    state = proving.taken(replace(state, held=held, order=order, members=members), order, at)
    who = f"{order.by} ({proving.mark(state, order)}, via {order.via})"
    return _with(state, at, order.verb, f"{order.verb} by {who}{reason}", order.by)


def answered(state: IncidentView, task: TellTask, told: Told, at: float) -> IncidentView:
    """How a member took an order. An answer to an older order, or of an earlier run under the same id,
    settles nothing."""
    order, run = task.order, task.run
    if order != state.order or all((each.run, each.joined) != (run, task.joined) for each in state.members):
        return state
    if told.end == "gone":
        members = tuple(member for member in state.members if member.run != run)
        return _with(replace(state, members=members), at, "left", f"{run} has ended")
    obeys = told.end == "obeyed"
    members = tuple(
        replace(
            each,
            held=(order.verb == "hold") if obeys else each.held,
            pending=False,
            trouble="" if obeys else told.reason,
        )
        if each.run == run
        else each
        for each in state.members
    )
    words = f"{run}: {order.verb} " + ("obeyed" if obeys else f"refused: {told.reason}")
    return _with(replace(state, members=members), at, order.verb, words)


def trusted(state: IncidentView, order: Order, at: float) -> IncidentView:
    """With the order's key among those that are believed."""
    assert order.key is not None
    words = f"{order.by} {trust_words(order.key)} ({proving.mark(state, order)})"
    state = proving.taken(state, order, at)
    keys = (*(key for key in state.keys if key.id != order.key.id), order.key)
    reason = f": {order.reason}" if order.reason else ""
    return _with(replace(state, keys=keys), at, "trusted", words + reason, order.by)


def left(state: IncidentView, looked: Look, gone: Mapping[str, str], at: float) -> IncidentView:
    """Without the runs that have ended. One that has joined anew since it was looked at stays."""
    for each in looked.members:
        if each.run in gone and any(_same(member, each) for member in state.members):
            members = tuple(member for member in state.members if member.run != each.run)
            state = _with(replace(state, members=members), at, "left", f"{each.run}: {gone[each.run]}")
    return state


def _same(member: Member, other: Member) -> bool:
    return (member.run, member.joined) == (other.run, other.joined)


def is_over(state: IncidentView) -> bool:
    return not state.members and not state.held


def ended(state: IncidentView, at: float) -> IncidentView:
    return _with(state, at, "ended", "none of its runs is open; the next one begins it anew")


def let_go(state: IncidentView) -> IncidentView:
    """After a `release` that nobody has refused. Who joined meanwhile has begun on hold, and is told."""
    members = tuple(replace(each, pending=each.pending or each.held) for each in state.members)
    return replace(state, held="", members=members)


def to_tell(state: IncidentView) -> Iterator[Member]:
    return (member for member in state.members if member.pending)


def refused(state: IncidentView) -> str:
    """Which members did not obey, and why; empty when all that have answered did."""
    return _named([f"{member.run}: {member.trouble}" for member in state.members if member.trouble], "; ")


def summary(state: IncidentView) -> str:
    """What became of the newest order, in one line."""
    hold = state.order is not None and state.order.verb == "hold"
    obeying = sum(member.held == hold and not member.pending for member in state.members)
    runs = f"{obeying} of {len(state.members)} runs" if state.members else "no run is open"
    told = f"the incident {state.id} is {'on hold' if state.held else 'released'} ({runs})"
    if waiting := [member.run for member in to_tell(state)]:
        told += f"; still being told: {_named(waiting, ', ')}"
    if not_obeying := refused(state):
        told += f"; NOT OBEYED by {not_obeying}"
    return told


def _named(words: list[str], between: str) -> str:
    more = f"{between}and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return between.join(words[:_NAMED]) + more


def _with(state: IncidentView, at: float, kind: str, text: str, by: str = "") -> IncidentView:
    return replace(state, timeline=(*state.timeline, Moment(at, kind, text, by=by))[-_MOMENTS:])
