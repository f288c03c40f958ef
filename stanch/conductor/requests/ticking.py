"""A checklist is ticked line by line, each with the name of who did it and when; `done` waits for all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from stanch.conductor.authority import proving
from stanch.conductor.authority.people import clock
from stanch.conductor.state import OpenRequest, State
from stanch.conductor.turn import Turn
from stanch.contract import Order, Request, Tick

_LONGEST_LINE = 120
_MOST_TOLD = 5


def refusal(state: State, order: Order) -> str:
    """Why the lines cannot be ticked; empty when they can. Lines are numbered from 1 for people."""
    opened = _with_checklist(state, order)
    if isinstance(opened, str):
        return opened
    request = opened.request
    if not order.items:
        return f"say which lines are done; open: {open_lines(request) or 'none'}"
    if strange := [item for item in order.items if not 0 <= item < len(request.checklist)]:
        numbers = ", ".join(str(item + 1) for item in strange)
        return (
            f"there is no line {numbers}: the checklist of `{request.id}` has {len(request.checklist)} lines"
        )
    by = {tick.item: tick for tick in request.ticked}
    if all(item in by for item in order.items):
        told = [f"line {item + 1} by {by[item].by} at {clock(by[item].at)}" for item in order.items]
        return f"ticked already: {', '.join(dict.fromkeys(told))}"
    return ""


def _with_checklist(state: State, order: Order) -> OpenRequest | str:
    """The request whose checklist is meant, or why there is none."""
    opened = [each for each in state.requests.values() if not each.closed]
    if order.request:
        named = next((each for each in opened if each.request.id == order.request), None)
        if named is None:
            names = ", ".join(f"`{each.request.id}`" for each in opened) or "none"
            return f"there is no open request `{order.request}`; open: {names}"
        return named if named.request.checklist else f"`{order.request}` has no checklist"
    listed = [each for each in opened if each.request.checklist]
    if len(listed) > 1:
        names = ", ".join(f"`{each.request.id}`" for each in listed)
        return f"several requests with a checklist are open: {names}; say which one"
    return listed[0] if listed else "no open request has a checklist"


def obey(turn: Turn, order: Order) -> None:
    opened = _with_checklist(turn.before, order)
    assert isinstance(opened, OpenRequest)
    opened = turn.requests[opened.request.id]
    request = opened.request
    done = {tick.item for tick in request.ticked}
    new = [item for item in dict.fromkeys(order.items) if item not in done]
    said = f"{proving.mark(turn, order)}, via {order.via}"
    for item in new:
        text = f"{order.by} ticks line {item + 1}, `{request.checklist[item][:2000]}` ({said})"
        turn.note("ticked", text, step=opened.node, by=order.by)
    ticked = (*request.ticked, *(Tick(item, order.by, turn.at) for item in new))
    turn.requests[request.id] = replace(opened, request=replace(request, ticked=ticked))


def open_lines(request: Request) -> str:
    """The lines that nobody has ticked, numbered from 1; empty when there are none."""
    done = {tick.item for tick in request.ticked}
    left = [
        f"{item + 1} `{' '.join(line.split())[:_LONGEST_LINE]}`"
        for item, line in enumerate(request.checklist)
        if item not in done
    ]
    more = len(left) - _MOST_TOLD
    return ", ".join(left[:_MOST_TOLD]) + (f" and {more} more" if more > 0 else "")


def checked(request: Request) -> list[str]:
    """The lines of the checklist, each with who ticked it and when: `the queue is empty (bob, 2026-...)`."""
    by = {tick.item: tick for tick in request.ticked}
    return [
        f"{line} ({by[item].by}, {stamp(by[item].at)})" if item in by else line
        for item, line in enumerate(request.checklist)
    ]


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
