"""How a request climbs in a run of revision 1. Its timers stand in histories, so they stay as they were."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.requests.ladder import ladder_of
from stanch.conductor.state import Node, OpenRequest
from stanch.conductor.turn import Turn
from stanch.contract import Rung


def climb(turn: Turn, node: Node, opened: OpenRequest) -> None:
    """Page every rung whose time has come, and set the timer for the next one or the end."""
    request = opened.request
    rungs = _rungs(turn, opened)
    while opened.rung < len(rungs) and request.opened + rungs[opened.rung].after <= turn.at:
        to = rungs[opened.rung].page
        turn.page(opened, to)
        request = replace(request, asked=(*request.asked, to))
        opened = replace(opened, request=request, rung=opened.rung + 1)
    if opened.rung < len(rungs):
        due, what = request.opened + rungs[opened.rung].after, f"page {rungs[opened.rung].page}"
    else:
        due, what = request.until, request.silence
    text = f"{request.id}: {what} if nobody answers"
    timer = turn.start_timer(node, max(due - turn.at, 0.0), text, "/ladder")
    turn.requests[request.id] = replace(opened, timer=timer)


def is_over(turn: Turn, opened: OpenRequest) -> bool:
    return opened.rung >= len(_rungs(turn, opened))


def _rungs(turn: Turn, opened: OpenRequest) -> tuple[Rung, ...]:
    """Rungs that come before the request's end."""
    request = opened.request
    rungs = ladder_of(turn.given, request).rungs
    return tuple(rung for rung in rungs if request.opened + rung.after < request.until)
