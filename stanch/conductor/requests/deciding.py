"""Answers of people, and silence. Silence never proceeds: the last timer of a request denies or aborts.

Which of a decision and a timer comes first is settled by the order of events, once: the first closes the
request and forgets the other.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from stanch.conductor.authority import proving
from stanch.conductor.authority.entitled import unentitled
from stanch.conductor.authority.people import spoken_for
from stanch.conductor.back import stopping, undoing
from stanch.conductor.back.ledger import enter
from stanch.conductor.events import ChildEnded, Cleared, DecisionGiven, TimerFired
from stanch.conductor.requests import doubt
from stanch.conductor.requests.climbing import climb, is_over
from stanch.conductor.requests.requesting import close
from stanch.conductor.requests.ticking import checked, open_lines
from stanch.conductor.state import Node, Phase, State
from stanch.conductor.steps import again, finish
from stanch.conductor.turn import Turn
from stanch.contract import Decision, Request
from stanch.language.inputs import check_values, with_defaults
from stanch.language.plan import Json


def refusal(state: State, decision: Decision, at: float) -> str:
    """Why the decision cannot be taken at the moment `at`; empty when it can."""
    opened = state.requests.get(decision.request)
    if state.outcome is not None:
        return f"the run has ended ({state.outcome}); there is nothing to decide"
    if opened is None:
        known = ", ".join(f"`{each.request.id}`" for each in state.requests.values() if not each.closed)
        named = f"there is no request `{decision.request}`" if decision.request else "it names no request"
        return named + (f"; open: {known}" if known else "; none is open")
    if opened.closed:
        return f"the request `{decision.request}` was already answered: {opened.closed}"
    unfit = _unbound(opened.request, decision) or unentitled(state, opened, decision, at)
    if decision.choice in ("done", "answer") and state.given.revision >= 2:
        left = open_lines(opened.request)
        unfit = unfit or (left and f"not ticked yet: {left}; each line is ticked by whoever has done it")
    if decision.choice == "retry":
        unfit = unfit or again.not_alone(state, state.nodes[opened.node], decision.by)
    return unfit or proving.refusal(state, decision, at)


def decided(turn: Turn, node: Node, event: DecisionGiven) -> None:
    """Take a decision that was not refused."""
    decision = event.decision
    opened = turn.requests[decision.request]
    said = f"{decision.choice} by {decision.by} ({proving.mark(turn, decision)}, via {decision.via})"
    turn.note(
        "decided", said + (f": {decision.reason}" if decision.reason else ""), step=node.path, by=decision.by
    )
    speaks = tuple(spoken_for(turn, opened.request.roles, decision.by, turn.at))
    spoke = {**opened.spoke, decision.by: speaks}
    opened = replace(opened, given=(*opened.given, decision), spoke=spoke)
    if decision.choice == "approve" and len(opened.given) < opened.request.quorum:
        answers = tuple(each.by for each in opened.given)
        turn.requests[decision.request] = replace(opened, request=replace(opened.request, answers=answers))
        return
    close(turn, opened, said)
    _CHOICES[decision.choice](turn, node, decision)


def climbed(turn: Turn, node: Node, event: TimerFired) -> None:
    """Nobody has answered yet: page the next rung, or end the request."""
    opened = next(each for each in turn.requests.values() if each.timer == event.key)
    request = opened.request
    if not is_over(turn, opened):
        climb(turn, node, opened)
        return
    if request.kind == "manual":
        text = "nobody said in time that it is done"
        close(turn, replace(opened, timer=""), text)
        finish.fail(turn, node, text)
        return
    text = f"nobody answered; silence ends in {request.silence}"
    turn.note("silence", text, step=node.path)
    close(turn, replace(opened, timer=""), text)
    if request.silence == "deny":
        _end_denied(turn, node, text)
    else:
        stopping.stop(turn, text)


# --- the choices ------------------------------------------------------------------------------------------


def _approve(turn: Turn, node: Node, _: Decision) -> None:
    turn.put(node, phase=Phase.READY, approved=True)
    turn.post(node.path, Cleared())


def _deny(turn: Turn, node: Node, decision: Decision) -> None:
    _end_denied(turn, node, f"denied by {decision.by}: {decision.reason}")


def _end_denied(turn: Turn, node: Node, text: str) -> None:
    """That something is not done again does not tell what became of it before."""
    finish.settle(turn, node, Phase.IN_DOUBT if finish.in_doubt(turn, node) else Phase.DENIED, text)


def _retry(turn: Turn, node: Node, _: Decision) -> None:
    """Again, what failed and only that: the same frozen work, or the question whether it helped."""
    again.retry(turn, node)


def _skip(turn: Turn, node: Node, decision: Decision) -> None:
    finish.settle(turn, node, Phase.SKIPPED, f"skipped by {decision.by}: {decision.reason}")


def _undo(turn: Turn, node: Node, decision: Decision) -> None:
    if turn.given.revision >= 2 and turn.requests[decision.request].request.kind == "in_doubt":
        doubt.take_on(turn, node)
    block = undoing.whole(turn, node) if turn.given.revision >= 2 else None
    if block is None:
        undoing.start(turn, node)
    else:
        undoing.start_around(turn, node, block)


def _abort(turn: Turn, _: Node, decision: Decision) -> None:
    stopping.stop(turn, f"aborted by {decision.by}: {decision.reason}")


def _answer(turn: Turn, node: Node, decision: Decision) -> None:
    fields = turn.requests[decision.request].request.fields
    values = with_defaults(fields, decision.values)
    finish.complete(turn, turn.put(node, result=values, note=f"answered by {decision.by}"))


def _fail(turn: Turn, node: Node, decision: Decision) -> None:
    finish.fail(turn, node, f"{decision.by} could not do it: {decision.reason}")


def _done(turn: Turn, node: Node, decision: Decision) -> None:
    """A person has done it; or has looked, and what was in doubt was done. It belongs in the ledger like any
    other change."""
    if turn.requests[decision.request].request.kind == "manual":
        _done_by_hand(turn, node, decision)
        return
    said = f"{decision.by} says that it was done: {decision.reason}"
    if not node.tasks:
        _done_inside(turn, node, said)
        return
    doubtful = _rounds_asked_about(turn, node)
    if not doubtful:
        result = node.result if node.executed else None
        node = turn.put(node, result=result, assumed=True, doubted=False, note=said)
        if not node.executed:
            enter(turn, node)
        finish.complete(turn, node)
        return
    turn.put(node, phase=Phase.RUNNING)
    for child in doubtful:
        made = turn.put(child, phase=Phase.SUCCEEDED, assumed=True, doubted=False, note=said)
        made = finish.store(turn, made, finish.outputs_of(turn, made, turn.step(made), lenient=True))
        if not child.executed:
            enter(turn, made)
    turn.post(node.path, ChildEnded(doubtful[-1].path))


def _done_inside(turn: Turn, node: Node, said: str) -> None:
    """What is in doubt inside of a block was done; the block goes on with what is not in place yet."""
    for each in doubt.attempts(turn, node):
        made = turn.put(each, phase=Phase.SUCCEEDED, assumed=True, doubted=False, note=said)
        made = finish.store(turn, made, finish.outputs_of(turn, made, turn.step(made), lenient=True))
        if made.item is None:
            turn.values[made.path] = {**turn.values[made.path], **finish.standing(Phase.SUCCEEDED)}
        enter(turn, made)
    turn.repeat(node)


def _rounds_asked_about(turn: Turn, node: Node) -> list[Node]:
    """Those that may have been done, or were and gave nothing useful. What failed before a retry and is still
    to be repeated was not asked about."""
    waiting = node.todo if turn.given.revision >= 2 else ()
    doubtful = turn.children(node, Phase.IN_DOUBT)
    if not doubtful and turn.is_loop(node):
        doubtful = [each for each in turn.children(node, Phase.FAILED) if each.executed]
    return [each for each in doubtful if each.item not in waiting]


def _done_by_hand(turn: Turn, node: Node, decision: Decision) -> None:
    step = turn.step(node)
    asked = turn.requests[decision.request].request
    result: dict[str, Json] = {
        "by": decision.by,
        "note": decision.reason,
        "checked": list(asked.checklist) if turn.given.revision < 2 else checked(asked),
        "at": datetime.fromtimestamp(turn.at, UTC).isoformat().replace("+00:00", "Z"),
    }
    node = turn.put(node, result=result, note=f"done by {decision.by}")
    if step.effect == "change":
        turn.changing = True
        enter(turn, node)
    finish.complete(turn, node)


_CHOICES = {
    "approve": _approve,
    "deny": _deny,
    "retry": _retry,
    "skip": _skip,
    "undo": _undo,
    "abort": _abort,
    "answer": _answer,
    "fail": _fail,
    "done": _done,
}


def _unbound(request: Request, decision: Decision) -> str:
    """Not a decision on this very question."""
    if decision.choice not in request.choices:
        return f"`{decision.choice}` is no answer to `{request.id}`; answer with " + " or ".join(
            f"`{choice}`" for choice in request.choices
        )
    if len(decision.digest) < 8 or not request.digest.startswith(decision.digest):
        its = f"its digest is `{decision.digest[:12]}`" if decision.digest else "it carries no digest"
        return (
            f"the decision is not bound to what is asked now: {its}, "
            f"the request's is `{request.digest[:12]}`; look at the request again"
        )
    if decision.choice == "answer":
        return "; ".join(check_values("field", request.fields, decision.values))
    said_done = decision.choice == "done" and request.kind == "manual"
    if decision.choice != "approve" and not said_done and not decision.reason.strip():
        return f"`{decision.choice}` needs a reason"
    if decision.choice == "approve" and request.confirm and decision.confirm != request.confirm:
        return f"type `{request.confirm}` to confirm"
    return ""
