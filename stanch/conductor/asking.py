"""Questions to people: put them, climb while nobody answers, take the answer.

Silence never proceeds: the last timer of a request denies or aborts. Which of a decision and a timer comes
first is settled by the order of events, once: the first closes the request and forgets the other.
"""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import finish, stopping, undoing
from stanch.conductor.act import enter_ledger
from stanch.conductor.commands import CancelTimer
from stanch.conductor.events import ChildEnded, Cleared, DecisionGiven, TimerFired
from stanch.conductor.foresee import foresee
from stanch.conductor.preview import brief
from stanch.conductor.state import Node, OpenRequest, Phase, State
from stanch.conductor.turn import Turn
from stanch.contract import Choice, Decision, Ladder, Request, Rung
from stanch.language.encode import digest, to_data
from stanch.language.evaluate import render, show
from stanch.language.plan import Approval, Json, Silence

IC = "incident_commander"


def ask_approval(turn: Turn, node: Node, approval: Approval) -> None:
    """One question for all that the node will change; what is shown is what will be executed."""
    step = turn.step(node)
    foreseen = foresee(turn, node, step)
    count = f" ({len(foreseen)} changes)" if len(foreseen) > 1 else ""
    confirm = show(render(approval.confirm, turn.scope(node))) if approval.confirm else ""
    request = Request(
        id=_request_id(turn, node),
        step=node.path,
        kind="approval",
        question=f"{step.title or step.id}?{count}",
        roles=approval.roles,
        choices=("approve", "deny"),
        changes=tuple(each.change for each in foreseen),
        evidence=_evidence(turn),
        irreversible=step.irreversible or "",
        quorum=approval.quorum,
        confirm=confirm,
    )
    bound = {
        "tasks": [to_data(each.task) for each in foreseen],
        "undo": [to_data(each.undo) if each.undo else None for each in foreseen],
        "confirm": confirm,
        "known": _known(turn),
    }
    _open(turn, node, request, approval.silence, bound)


def ask_about_failure(turn: Turn, node: Node, reason: str, *, in_doubt: bool) -> None:
    """A step failed, or its outcome is unknown: what now?"""
    step = turn.step(node)
    choices: tuple[Choice, ...] = ("done", "retry") if in_doubt and node.tasks else ("retry", "skip")
    if undoing.reversible(turn, node):
        choices += ("undo",)
    roles = step.approval.roles if step.approval else (IC,)
    word = "nobody knows whether it was done" if in_doubt else "it failed"
    request = Request(
        id=_request_id(turn, node),
        step=node.path,
        kind="in_doubt" if in_doubt else "failure",
        question=f"{step.title or step.id}: {word}. What now?",
        roles=roles,
        choices=(*choices, "abort"),
        evidence=(reason,),
        irreversible=step.irreversible or "",
        silence="abort",
    )
    turn.note("failed", reason, step=node.path)
    _open(turn, turn.put(node, note=reason), request, None, {"attempt": node.attempt})


def refusal(state: State, decision: Decision) -> str:
    """Why the decision cannot be taken now; empty when it can."""
    opened = state.requests.get(decision.request)
    if state.outcome is not None:
        return f"the run has ended ({state.outcome}); there is nothing to decide"
    if opened is None:
        known = ", ".join(f"`{each.request.id}`" for each in state.requests.values() if not each.closed)
        return f"there is no request `{decision.request}`" + (
            f"; open: {known}" if known else "; none is open"
        )
    if opened.closed:
        return f"the request `{decision.request}` was already answered: {opened.closed}"
    return _unbound(opened.request, decision) or _unentitled(state, opened, decision)


def decided(turn: Turn, node: Node, event: DecisionGiven) -> None:
    """Take a decision that was not refused."""
    decision = event.decision
    opened = turn.requests[decision.request]
    said = f"{decision.choice} by {decision.by} (unverified, via {decision.via})"
    turn.note(
        "decided", said + (f": {decision.reason}" if decision.reason else ""), step=node.path, by=decision.by
    )
    opened = replace(opened, given=(*opened.given, decision))
    if decision.choice == "approve" and len(opened.given) < opened.request.quorum:
        answers = tuple(each.by for each in opened.given)
        turn.requests[decision.request] = replace(opened, request=replace(opened.request, answers=answers))
        return
    _close(turn, opened, said)
    _CHOICES[decision.choice](turn, node, decision)


def climbed(turn: Turn, node: Node, event: TimerFired) -> None:
    """Nobody has answered yet: page the next rung, or end the request."""
    opened = next(each for each in turn.requests.values() if each.timer == event.key)
    rungs = _rungs(turn, opened.request)
    if opened.rung < len(rungs):
        _climb(turn, node, opened)
        return
    text = f"nobody answered; silence ends in {opened.request.silence}"
    turn.note("silence", text, step=node.path)
    _close(turn, replace(opened, timer=""), text)
    if opened.request.silence == "deny":
        finish.settle(turn, node, Phase.DENIED, text)
    else:
        stopping.stop(turn, text)


# --- the choices ------------------------------------------------------------------------------------------


def _approve(turn: Turn, node: Node, _: Decision) -> None:
    turn.put(node, phase=Phase.READY, approved=True)
    turn.post(node.path, Cleared())


def _deny(turn: Turn, node: Node, decision: Decision) -> None:
    finish.settle(turn, node, Phase.DENIED, f"denied by {decision.by}: {decision.reason}")


def _retry(turn: Turn, node: Node, _: Decision) -> None:
    """Again, what failed and only that: the same frozen work, or the question whether it helped."""
    turn.repeat(node)


def _skip(turn: Turn, node: Node, decision: Decision) -> None:
    finish.settle(turn, node, Phase.SKIPPED, f"skipped by {decision.by}: {decision.reason}")


def _undo(turn: Turn, node: Node, _: Decision) -> None:
    undoing.start(turn, node)


def _abort(turn: Turn, _: Node, decision: Decision) -> None:
    stopping.stop(turn, f"aborted by {decision.by}: {decision.reason}")


def _done(turn: Turn, node: Node, decision: Decision) -> None:
    """A person has looked: what is in doubt was done. It belongs in the ledger like any other change."""
    said = f"{decision.by} says that it was done: {decision.reason}"
    doubtful = [child for child in turn.children(node) if child.phase is Phase.IN_DOUBT]
    if not doubtful:
        node = turn.put(node, result=None, assumed=True, doubted=False, note=said)
        enter_ledger(turn, node, turn.step(node))
        finish.complete(turn, node)
        return
    turn.put(node, phase=Phase.RUNNING)
    for child in doubtful:
        made = turn.put(child, phase=Phase.SUCCEEDED, assumed=True, doubted=False, note=said)
        enter_ledger(turn, made, turn.step(made))
    turn.post(node.path, ChildEnded(doubtful[-1].path))


_CHOICES = {
    "approve": _approve,
    "deny": _deny,
    "retry": _retry,
    "skip": _skip,
    "undo": _undo,
    "abort": _abort,
    "done": _done,
}


# --- opening, climbing, closing ---------------------------------------------------------------------------


def _open(turn: Turn, node: Node, request: Request, silence: Silence | None, bound: dict[str, Json]) -> None:
    """Put the question. Its digest covers `bound`, the Plan and the run: data, and not the words made of it,
    so that a later release may word a question better without voiding the decisions in old histories."""
    ladder = ladder_of(turn.before, request)
    after, then = (silence.after, silence.then) if silence else (ladder.silence_after, ladder.silence_then)
    if request.kind != "approval":
        then = "abort"
    request = replace(request, opened=turn.at, until=turn.at + after, silence=then)
    # The moment of the start, because a later run of the same alert has the same id.
    run = {"run": turn.before.run, "started": turn.before.started, "plan": turn.book.digest}
    request = replace(request, digest=digest({**run, "request": request.id, "kind": request.kind, **bound}))
    opened = OpenRequest(request=request, node=node.path, timer="", rung=0)
    turn.note("asked", request.question, step=node.path)
    turn.put(node, phase=Phase.ASKING, key="")
    turn.requests[request.id] = opened
    _climb(turn, node, opened)


def _climb(turn: Turn, node: Node, opened: OpenRequest) -> None:
    """Page every rung whose time has come, and set the timer for the next one or the end."""
    request = opened.request
    rungs = _rungs(turn, request)
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


def _close(turn: Turn, opened: OpenRequest, how: str) -> None:
    if opened.timer:
        turn.awaited.pop(opened.timer, None)
        turn.commands.append(CancelTimer(opened.timer))
    turn.requests[opened.request.id] = replace(opened, timer="", closed=how)


def ladder_of(state: State, request: Request) -> Ladder:
    """The ladder of the first role that is asked; one rung and half an hour where the policy is silent."""
    ladders = state.given.policy.ladders
    found = next((ladders[role] for role in request.roles if role in ladders), ladders.get(IC))
    return found or Ladder(
        rungs=(Rung(0.0, request.roles[0] if request.roles else IC),), silence_after=1800.0
    )


def _rungs(turn: Turn, request: Request) -> tuple[Rung, ...]:
    """Rungs that come before the request's end."""
    rungs = ladder_of(turn.before, request).rungs
    return tuple(rung for rung in rungs if request.opened + rung.after < request.until)


# --- what is asked, and who may answer --------------------------------------------------------------------


def _request_id(turn: Turn, node: Node) -> str:
    asked = sum(each.node == node.path for each in turn.requests.values())
    return node.path if not asked else f"{node.path}.{asked + 1}"


def _evidence(turn: Turn) -> tuple[str, ...]:
    """What the steps so far have found, a line each."""
    return tuple(
        f"{path}.{name} = {brief(value)}"
        for path, held in _known(turn).items()
        for name, value in held.items()
    )


def _known(turn: Turn) -> dict[str, dict[str, Json]]:
    """By path: the outputs of the steps so far."""
    found: dict[str, dict[str, Json]] = {}
    for path, held in turn.values.items():
        step = turn.book.steps[path.rpartition(".")[2]]
        found[path] = {name: held[name] for name in step.outputs if name in held}
    return found


def _unbound(request: Request, decision: Decision) -> str:
    """Not a decision on this very question."""
    if decision.choice not in request.choices:
        return f"`{decision.choice}` is no answer to `{request.id}`; answer with " + " or ".join(
            f"`{choice}`" for choice in request.choices
        )
    if len(decision.digest) < 8 or not request.digest.startswith(decision.digest):
        return (
            f"the decision is not bound to what is asked now: its digest is `{decision.digest[:12]}`, "
            f"the request's is `{request.digest[:12]}`; look at the request again"
        )
    if decision.choice != "approve" and not decision.reason.strip():
        return f"`{decision.choice}` needs a reason"
    if decision.choice == "approve" and request.confirm and decision.confirm != request.confirm:
        return f"type `{request.confirm}` to confirm"
    return ""


def _unentitled(state: State, opened: OpenRequest, decision: Decision) -> str:
    """Not this person's to answer."""
    policy, request = state.given.policy, opened.request
    if not decision.by.strip():
        return "a decision needs the name of the person who takes it"
    holders = [policy.roles.get(role) for role in request.roles]
    if all(held is not None and decision.by not in held for held in holders):
        return f"{decision.by} does not hold the role {' or '.join(request.roles)}"
    if decision.choice == "approve" and decision.by == state.given.started_by and not policy.self_approval:
        return f"{decision.by} started this run and may not approve its steps"
    if decision.choice == "approve" and any(given.by == decision.by for given in opened.given):
        return f"{decision.by} has already approved; {request.quorum} different people are needed"
    return ""
