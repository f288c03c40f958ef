"""How an open request climbs while nobody answers.

Its ladder has a clock of its own (`since`), which stands still while the run is paused and is set back by an
acknowledgement. Whom a rung means is looked up when it is paged. There is one timer, for what comes next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import Any

from stanch.conductor.authority.entitled import too_few
from stanch.conductor.authority.people import addressed, holders, resolve
from stanch.conductor.commands import CancelTimer
from stanch.conductor.requests import first_ladder
from stanch.conductor.requests.ladder import dues, ladder_of, reminder
from stanch.conductor.state import Node, OpenRequest
from stanch.conductor.turn import Turn


def climb(turn: Turn, node: Node, opened: OpenRequest) -> None:
    """Page every rung whose time has come, and set the timer for what is next: a rung, a reminder or the
    end."""
    if turn.given.revision < 2:
        first_ladder.climb(turn, node, opened)
        return
    # A clock that was rounded may be a trifle early, but the timer was for that very moment.
    now = max(turn.at, opened.due)
    policy, ladder = turn.given.policy, ladder_of(turn.given, opened.request)
    if opened.quiet_until and opened.quiet_until <= now:
        turn.note("climbing", f"{opened.request.acknowledged} has not decided; it climbs on", step=node.path)
        opened = shown(replace(opened, quiet_until=0.0), acknowledged="")
    if others := _since_another_shift(turn, opened, turn.at):
        _change_shifts(turn, opened, others)
        return
    for due, number in dues(policy, ladder, opened):
        if due <= now and number not in opened.reached:
            opened = _page_rung(turn, _on(opened, number), ladder.rungs[number].page)
    # Never right after a rung: the newest page is what a reminder counts from.
    if reminder(policy, ladder, opened) <= now:
        opened = replace(opened, reminders=opened.reminders + 1)
        opened = _page_rung(turn, opened, ladder.rungs[opened.reached[-1]].page)
    arm(turn, opened)


def catch_up(turn: Turn, opened: OpenRequest, paged: Iterable[str]) -> None:
    """Begin a ladder in the middle: the rungs whose time has come are paged, but for those who were paged
    already under one of the addresses `paged`."""
    ladder = ladder_of(turn.given, opened.request)
    told = Counter(_who(turn, address) for address in paged)
    for due, number in dues(turn.given.policy, ladder, opened):
        if due > turn.at:
            break
        address = ladder.rungs[number].page
        opened = _on(opened, number)
        if told[_who(turn, address)]:
            told[_who(turn, address)] -= 1
        else:
            opened = page(turn, opened, address)
    arm(turn, opened)


def anew(turn: Turn, opened: OpenRequest) -> OpenRequest:
    """At the foot of its ladder, for people who have not been asked before."""
    ladder = ladder_of(turn.given, opened.request)
    opened = shown(opened, until=turn.at + (opened.lasts or ladder.silence_after), acknowledged="")
    opened = replace(opened, rung=0, reached=(), reminders=0, quiet_until=0.0, since=turn.at)
    return warned(turn, replace(opened, frozen=turn.at if opened.frozen else 0.0))


def warned(turn: Turn, opened: OpenRequest) -> OpenRequest:
    """Those who answer are told while there is time if they are too few to approve it."""
    request = opened.request
    text = too_few(turn, opened, turn.at)
    if turn.given.revision < 2 or not text or text in request.notes:
        return opened
    turn.note("problem", text, step=opened.node)
    return shown(opened, notes=(*request.notes, text))


def is_over(turn: Turn, opened: OpenRequest) -> bool:
    """Whether the timer that has just fired was the last: silence ends the request."""
    if turn.given.revision < 2:
        return first_ladder.is_over(turn, opened)
    return not opened.quiet_until and max(turn.at, opened.due) >= opened.request.until


def page(turn: Turn, opened: OpenRequest, address: str) -> OpenRequest:
    turn.page(opened, address)
    _tell_stand_in(turn, opened, address)
    asked = (*opened.request.asked, addressed(turn, address, turn.at))
    return replace(refreshed(turn, shown(opened, asked=asked)), paged_at=turn.at)


def refreshed(turn: Turn, opened: OpenRequest) -> OpenRequest:
    """With the people who may answer now. It is only shown: they are looked up again when they do."""
    found = [holders(turn, role, turn.at) for role in opened.request.roles]
    for role in opened.request.roles:
        _tell_stand_in(turn, opened, role)
    anybody = any(people is None for people in found)
    names = {name for people in found for name in people or ()}
    return shown(opened, holders=() if anybody else tuple(sorted(names)))


def arm(turn: Turn, opened: OpenRequest, *, paused: bool | None = None) -> None:
    """Store the request, which has no timer, with the one for what comes next; while the run is paused, with
    none."""
    request = opened.request
    if bool(turn.paused) if paused is None else paused:
        turn.requests[request.id] = replace(opened, frozen=opened.frozen or turn.at)
        return
    due, what = _next(turn, opened)
    text = f"{request.id}: {what}"
    timer = turn.start_timer(turn.nodes[opened.node], max(due - turn.at, 0.0), text, "/ladder")
    turn.requests[request.id] = replace(opened, timer=timer, due=due)


def disarmed(turn: Turn, opened: OpenRequest) -> OpenRequest:
    """Without its timer, which is forgotten."""
    if opened.timer:
        turn.awaited.pop(opened.timer, None)
        turn.commands.append(CancelTimer(opened.timer))
    return replace(opened, timer="", due=0.0)


def moved(turn: Turn, opened: OpenRequest, seconds: float) -> OpenRequest:
    """With all that its ladder has in store so much later."""
    request = opened.request
    first = turn.given.revision < 2
    opened = shown(opened, until=request.until + seconds, opened=request.opened + (seconds if first else 0.0))
    quiet = opened.quiet_until + seconds if opened.quiet_until else 0.0
    return replace(
        opened, since=opened.since + seconds, paged_at=opened.paged_at + seconds, quiet_until=quiet
    )


def settled(turn: Turn, opened: OpenRequest) -> OpenRequest:
    """As if a pause that still lasts had ended and begun anew just now."""
    if not opened.frozen:
        return opened
    return replace(moved(turn, opened, turn.at - opened.frozen), frozen=turn.at)


def shown(opened: OpenRequest, /, **fields: Any) -> OpenRequest:
    """With fields of the request itself replaced."""
    return replace(opened, request=replace(opened.request, **fields))


def _next(turn: Turn, opened: OpenRequest) -> tuple[float, str]:
    """The moment and what happens then."""
    request, policy = opened.request, turn.given.policy
    if opened.quiet_until:
        return opened.quiet_until, f"climb on, unless {request.acknowledged} answers"
    ladder = ladder_of(turn.given, request)
    rungs = dues(policy, ladder, opened)
    coming = [
        (due, f"page {ladder.rungs[number].page} if nobody answers")
        for due, number in rungs
        if number not in opened.reached
    ]
    coming.append((request.until, f"{request.silence} if nobody answers"))
    if (shift := _next_shift(turn, opened)) < coming[0][0]:
        coming.insert(0, (shift, "page those whose shift begins"))
    again = reminder(policy, ladder, opened)
    if again < coming[0][0]:
        return again, f"page {ladder.rungs[opened.reached[-1]].page} again if nobody answers"
    return coming[0]


def _page_rung(turn: Turn, opened: OpenRequest, address: str) -> OpenRequest:
    """Page the address; and where several roles must agree, those for whom nobody has agreed yet."""
    opened = page(turn, opened, address)
    told = {_who(turn, address)}
    for role in _missing(opened):
        if (who := _who(turn, role)) not in told:
            told.add(who)
            opened = page(turn, opened, role)
    return opened


def _missing(opened: OpenRequest) -> list[str]:
    if opened.request.of_roles < 2:
        return []
    agreed = {role for given in opened.given for role in opened.spoke.get(given.by, ())}
    return [role for role in opened.request.roles if role not in agreed]


def _since_another_shift(turn: Turn, opened: OpenRequest, at: float) -> list[str]:
    """The asked roles for which others answer at the moment `at`, because of their shifts."""
    roles, then = opened.request.roles, opened.shifts_at
    return [role for role in roles if holders(turn, role, at) != holders(turn, role, then)]


def _next_shift(turn: Turn, opened: OpenRequest) -> float:
    """When others begin to answer; never (inf) before the request ends."""
    shifts = (shift for held in turn.given.policy.schedules.values() for shift in held)
    moments = {moment for shift in shifts for moment in (shift.start, shift.end)}
    ahead = sorted(moment for moment in moments if opened.shifts_at < moment < opened.request.until)
    return next((moment for moment in ahead if _since_another_shift(turn, opened, moment)), inf)


def _change_shifts(turn: Turn, opened: OpenRequest, roles: list[str]) -> None:
    """Who was paged may not answer any more: those who may are, and the ladder starts anew."""
    opened = anew(turn, replace(opened, timer="", due=0.0, shifts_at=turn.at))
    for role in roles:
        who = addressed(turn, role, turn.at)
        turn.note("shift", f"another shift has begun: {who} is asked now", step=opened.node)
        opened = page(turn, opened, role)
    catch_up(turn, opened, roles)


def _on(opened: OpenRequest, number: int) -> OpenRequest:
    """One rung further up."""
    return replace(opened, reached=(*opened.reached, number), rung=opened.rung + 1, reminders=0)


def _who(turn: Turn, address: str) -> str | frozenset[str]:
    people = holders(turn, address, turn.at)
    return address if people is None else people


def _tell_stand_in(turn: Turn, opened: OpenRequest, address: str) -> None:
    """Say once that somebody answers for a role that nobody holds."""
    why = resolve(turn, address, turn.at).why
    if why and not any(moment.kind == "acting" and moment.text == why for moment in turn.timeline):
        turn.note("acting", why, step=opened.node)
