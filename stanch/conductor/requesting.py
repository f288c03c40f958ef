"""A request's own life: put, climb while nobody answers, close. What is asked is in `asking`."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.commands import CancelTimer
from stanch.conductor.preview import brief
from stanch.conductor.state import Node, OpenRequest, Phase, State
from stanch.conductor.turn import Turn
from stanch.contract import Ladder, Request, Rung
from stanch.language.encode import digest
from stanch.language.people import IC
from stanch.language.plan import Json, Link, Silence

_STANDING = frozenset({"ok", "ran", "failed", "denied"})


def put(turn: Turn, node: Node, request: Request, silence: Silence | None, bound: dict[str, Json]) -> None:
    """Put the question. Its digest covers `bound`, the Plan and the run: data, and not the words made of it,
    so that a later release may word a question better without voiding the decisions in old histories."""
    ladder = ladder_of(turn.before, request)
    after, then = (silence.after, silence.then) if silence else (ladder.silence_after, ladder.silence_then)
    if request.kind != "approval":
        then = "abort"
    request = replace(
        request,
        opened=turn.at,
        until=turn.at + after,
        silence=then,
        links=(*request.links, *_links(turn, node)),
        findings=tuple(turn.found),
    )
    # The moment of the start, because a later run of the same alert has the same id.
    run = {"run": turn.before.run, "started": turn.before.started, "plan": turn.book.digest}
    request = replace(request, digest=digest({**run, "request": request.id, "kind": request.kind, **bound}))
    opened = OpenRequest(request=request, node=node.path, timer="", rung=0)
    turn.note("asked", request.question, step=node.path)
    turn.put(node, phase=Phase.ASKING, key="")
    turn.requests[request.id] = opened
    climb(turn, node, opened)


def climb(turn: Turn, node: Node, opened: OpenRequest) -> None:
    """Page every rung whose time has come, and set the timer for the next one or the end."""
    request = opened.request
    rungs = rungs_of(turn, request)
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


def close(turn: Turn, opened: OpenRequest, how: str) -> None:
    if opened.timer:
        turn.awaited.pop(opened.timer, None)
        turn.commands.append(CancelTimer(opened.timer))
    turn.requests[opened.request.id] = replace(opened, timer="", closed=how)


def ladder_of(state: State, request: Request) -> Ladder:
    """The ladder of the first role that is asked. A role without one is paged itself, and then as the
    commander is; one rung and half an hour where the policy is silent."""
    ladders = state.given.policy.ladders
    if own := next((ladders[role] for role in request.roles if role in ladders), None):
        return own
    first = Rung(0.0, request.roles[0] if request.roles else IC)
    if shared := ladders.get(IC):
        return replace(shared, rungs=(first, *(rung for rung in shared.rungs if rung.after > 0)))
    return Ladder(rungs=(first,), silence_after=1800.0)


def rungs_of(turn: Turn, request: Request) -> tuple[Rung, ...]:
    """Rungs that come before the request's end."""
    rungs = ladder_of(turn.before, request).rungs
    return tuple(rung for rung in rungs if request.opened + rung.after < request.until)


def request_id(turn: Turn, node: Node) -> str:
    asked = sum(each.node == node.path for each in turn.requests.values())
    return node.path if not asked else f"{node.path}.{asked + 1}"


def evidence(turn: Turn) -> tuple[str, ...]:
    """What the steps so far have found, a line each."""
    return tuple(
        f"{path}.{name} = {brief(value)}"
        for path, held in known(turn).items()
        for name, value in held.items()
    )


def known(turn: Turn) -> dict[str, dict[str, Json]]:
    """By path: the outputs of the steps so far."""
    return {
        path: {name: value for name, value in held.items() if name not in _STANDING}
        for path, held in turn.values.items()
    }


def _links(turn: Turn, node: Node) -> tuple[Link, ...]:
    """Dashboards and pages of the step and of the runbook, filled in."""
    own, shared = turn.step(node).links, turn.book.plans[node.runbook].links
    return tuple(Link(turn.text(node, link.title), turn.text(node, link.url)) for link in (*own, *shared))
