"""A request's own life: put, acknowledged, handed to others, stopped for a while, closed. What is asked is in
`asking`, how it climbs in `climbing`."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.gist import gist, looked
from stanch.conductor.requests import first_ladder
from stanch.conductor.requests.climbing import (
    anew,
    arm,
    catch_up,
    climb,
    disarmed,
    moved,
    page,
    refreshed,
    settled,
    shown,
    warned,
)
from stanch.conductor.requests.ladder import dues, ladder_of
from stanch.conductor.state import Node, OpenRequest, Phase
from stanch.conductor.turn import Turn
from stanch.contract import Ladder, Request
from stanch.language.encode import digest, to_data
from stanch.language.plan import Json, Link, Silence

_STANDING = frozenset({"ok", "ran", "failed", "denied"})


def put(turn: Turn, node: Node, request: Request, silence: Silence | None, bound: dict[str, Json]) -> None:
    """Put the question. Its digest covers `bound`, the Plan and the run: data, and not the words made of it,
    so that a later release may word a question better without voiding the decisions in old histories."""
    ladder = ladder_of(turn.given, request)
    after, then = (silence.after, silence.then) if silence else (ladder.silence_after, ladder.silence_then)
    if request.kind != "approval":
        then = "abort"
    request = replace(
        request,
        opened=turn.at,
        until=turn.at + after,
        silence=then,
        links=(*request.links, *links(turn, node)),
        findings=tuple(turn.found),
    )
    if turn.given.revision >= 2:
        bound = {**bound, **people_of(request)}
    # The moment of the start, because a later run of the same alert has the same id.
    run = {"run": turn.before.run, "started": turn.before.started, "plan": turn.book.digest}
    request = replace(request, digest=digest({**run, "request": request.id, "kind": request.kind, **bound}))
    opened = OpenRequest(request=request, node=node.path, timer="", rung=0, bound=bound, since=turn.at)
    opened = replace(opened, moment=turn.at, shifts_at=turn.at)
    turn.note("asked", request.question, step=node.path)
    turn.put(node, phase=Phase.ASKING, key="")
    opened = warned(turn, replace(opened, lasts=silence.after if silence else 0.0))
    climb(turn, node, refreshed(turn, opened))


def close(turn: Turn, opened: OpenRequest, how: str) -> None:
    turn.requests[opened.request.id] = replace(disarmed(turn, opened), closed=how)


def acknowledge(turn: Turn, opened: OpenRequest, person: str) -> float:
    """Somebody looks at it: nobody is paged until the moment that is returned, when the ladder's patience is
    over. What was next comes then, and the rest, the end too, so much later than it would have come."""
    opened = disarmed(turn, settled(turn, opened))
    ladder = ladder_of(turn.given, opened.request)
    quiet = turn.at + ladder.patience
    left = [due for due, number in dues(turn.given.policy, ladder, opened) if number not in opened.reached]
    put_off = max(0.0, quiet - min((*left, opened.request.until)))
    before = opened.put_off if opened.quiet_until else 0.0
    opened = replace(moved(turn, opened, put_off), quiet_until=quiet, put_off=before + put_off)
    arm(turn, shown(opened, acknowledged=person))
    return quiet


def readdress(turn: Turn, opened: OpenRequest, role: str) -> None:
    """Others answer now, for this role: they are paged, and the ladder starts anew."""
    opened = page(turn, anew(turn, disarmed(turn, opened)), role)
    if turn.given.revision < 2:
        opened = shown(opened, opened=turn.at)
        first_ladder.climb(turn, turn.nodes[opened.node], opened)
        return
    catch_up(turn, opened, [role])


def rerank(turn: Turn) -> None:
    """The severity has changed: go on as if the new one's ladder had been the ladder from the start. Nobody
    is paged twice for that, and who is only paged now has the time that the last rung leaves to everybody."""
    if turn.given.revision < 2:
        return
    for opened in list(turn.requests.values()):
        old, new = (ladder_of(given, opened.request) for given in (turn.before.given, turn.given))
        if not opened.closed and old != new:
            paged = [old.rungs[number].page for number in opened.reached]
            catch_up(turn, _on_ladder(turn, opened, new), paged)


def freeze(turn: Turn) -> None:
    """The run is paused: nothing climbs, and no silence ends anything."""
    for opened in list(turn.requests.values()):
        if not (opened.closed or opened.frozen):
            turn.requests[opened.request.id] = replace(disarmed(turn, opened), frozen=turn.at)


def thaw(turn: Turn, seconds: float) -> None:
    """The run goes on after a pause of `seconds`: all that the ladders have in store comes so much later, or
    by as much as they stood still in it."""
    for opened in list(turn.requests.values()):
        if opened.closed or not opened.frozen:
            continue
        later = replace(moved(turn, opened, min(seconds, turn.at - opened.frozen)), frozen=0.0)
        if turn.given.revision < 2:
            first_ladder.climb(turn, turn.nodes[opened.node], later)
        else:
            arm(turn, later, paused=False)


def request_id(turn: Turn, node: Node) -> str:
    asked = sum(each.node == node.path for each in turn.requests.values())
    return node.path if not asked else f"{node.path}.{asked + 1}"


def evidence(turn: Turn) -> tuple[str, ...]:
    """What the steps so far have found, a line each: their outputs, or where a step that reads has none, what
    its action gave."""
    told: list[str] = []
    for path, held in known(turn).items():
        told += [f"{path}.{name} = {gist(value)}" for name, value in held.items()]
        if not held and (line := looked(turn, turn.nodes.get(path))):
            told.append(f"{path}: {line}")
    return tuple(told)


def known(turn: Turn) -> dict[str, dict[str, Json]]:
    """By path: the outputs of the steps so far."""
    return {
        path: {name: value for name, value in held.items() if name not in _STANDING}
        for path, held in turn.values.items()
    }


def _on_ladder(turn: Turn, opened: OpenRequest, ladder: Ladder) -> OpenRequest:
    """At the foot of another ladder, which counts from when it always did. What was acknowledged is something
    else now, so what is left of the quiet is taken back."""
    opened = disarmed(turn, settled(turn, opened))
    opened = moved(turn, opened, -min(opened.put_off, max(opened.quiet_until - turn.at, 0.0)))
    until, silence = opened.request.until, opened.request.silence
    if not opened.lasts:
        last = max((rung.after for rung in ladder.rungs), default=0.0)
        until = max(opened.since + ladder.silence_after, turn.at + ladder.silence_after - last, turn.at)
        silence = ladder.silence_then if opened.request.kind == "approval" else silence
    opened = shown(opened, until=until, silence=silence, acknowledged="")
    return replace(opened, reached=(), rung=0, reminders=0, quiet_until=0.0)


def people_of(request: Request) -> dict[str, Json]:
    """What a digest covers of a request beside the work: who is asked, what they are shown, what silence does
    when it is put."""
    return {
        "roles": list(request.roles),
        "quorum": [request.quorum, request.of_roles],
        "confirm": request.confirm,
        "then": request.silence,
        "checklist": list(request.checklist),
        "links": [to_data(link) for link in request.links],
        "findings": [to_data(found) for found in request.findings],
    }


def seen(turn: Turn, node: Node) -> dict[str, dict[str, Json]]:
    """By step: the outputs that `node` may read. Of what runs beside it, it knows nothing."""
    return {
        step: {name: value for name, value in held.items() if name not in _STANDING}
        for step, held in turn.scope(node)["steps"].items()
        if step != node.step
    }


def links(turn: Turn, node: Node) -> tuple[Link, ...]:
    """Dashboards and pages of the step and of the runbook, filled in."""
    own, shared = turn.step(node).links, turn.book.plans[node.runbook].links
    return tuple(Link(turn.text(node, link.title), turn.text(node, link.url)) for link in (*own, *shared))
