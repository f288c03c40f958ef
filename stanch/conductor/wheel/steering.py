"""Retry, undo, withdraw: what a person orders about what has been decided or done."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.approval import voiding
from stanch.conductor.authority.people import clock
from stanch.conductor.back import stopping
from stanch.conductor.requests import requesting
from stanch.conductor.state import Node, OpenRequest, Phase, State
from stanch.conductor.steps import again
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import places
from stanch.conductor.wheel.pausing import note
from stanch.contract import Effected, Order
from stanch.errors import InvalidInput
from stanch.language.inputs import check_inputs

# --- retry ------------------------------------------------------------------------------------------------


def retry_refusal(state: State, order: Order) -> str:
    if not order.step:
        return "`retry` needs the path of a step; `stanch show` names them"
    node = state.nodes.get(order.step)
    if node is None:
        return places.no_such_step(state, order.step) or f"`{order.step}` has not begun yet"
    opened = _asked_at(state, node)
    if opened is None:
        return f"`{node.path}` is {node.phase.value}; only what is asked about can be done again"
    if order.inputs:
        return _not_with_inputs(state, node, opened, order)
    if "retry" not in opened.request.choices:
        return f"`{node.path}` has not failed; answer `{opened.request.id}`, or give other inputs"
    return again.not_alone(state, node, order.by)


def _asked_at(state: State, node: Node) -> OpenRequest | None:
    return next(
        (each for each in state.requests.values() if each.node == node.path and not each.closed), None
    )


def _not_with_inputs(state: State, node: Node, opened: OpenRequest, order: Order) -> str:
    """Why the step cannot be begun afresh with other inputs."""
    if "retry" not in opened.request.choices and opened.request.kind != "approval":
        return f"answer `{opened.request.id}`: it does not ask about something that failed"
    if node.frame:
        return f"`{node.path}` reads the inputs that `{node.frame}` gave it; retry `{node.frame}` with others"
    doubtful = next((each for each in (node, *places.inside(state, node)) if _is_doubtful(each)), None)
    if doubtful is not None:
        return f"nobody knows whether `{doubtful.path}` was done; answer that first, then change the inputs"
    if state.inside.get(node.path) and (left := _left(state, node)):
        done = ", ".join(f"`{effect.step}`" for effect in left[:3])
        return f"{done} stays changed with the old inputs; take that back first (`undo`), then change them"
    try:
        check_inputs(state.given.plan, {**state.given.inputs, **order.inputs})
    except InvalidInput as error:
        return str(error)
    return ""


def _is_doubtful(node: Node) -> bool:
    return node.doubted or node.phase is Phase.IN_DOUBT


def _left(state: State, node: Node) -> list[Effected]:
    within = {each.path for each in places.inside(state, node)}
    return [effect for effect in state.ledger if effect.step in within and not effect.undone]


def retry(turn: Turn, order: Order) -> None:
    node, said = turn.nodes[order.step], f"retry, says {order.by}: {order.reason}"
    for opened in list(turn.requests.values()):
        if opened.node == node.path and not opened.closed:
            requesting.close(turn, opened, said)
    if not order.inputs:
        note(turn, order, "ordered", f"retry `{node.path}`, says {order.by}")
        again.retry(turn, node)
        return
    inputs = check_inputs(turn.book.plan, {**turn.given.inputs, **order.inputs})
    changed = [name for name in order.inputs if inputs[name] != turn.given.inputs.get(name)]
    what = ", ".join(f"`{name}`" for name in changed) or "the same inputs"
    note(turn, order, "ordered", f"retry `{node.path}` with other inputs ({what}), says {order.by}")
    turn.given, turn.edited = replace(turn.given, inputs=inputs), True
    again.afresh(turn, node, _changed(order, changed))
    voiding.recheck(turn)


def _changed(order: Order, inputs: list[str]) -> str:
    named = ", ".join(f"`{name}`" for name in inputs)
    changed = f"has changed the input{'s' * (len(inputs) != 1)} {named}" if inputs else "began it afresh"
    return f"{order.by} {changed}: {order.reason}"


# --- undo -------------------------------------------------------------------------------------------------


def undo_refusal(state: State, order: Order) -> str:
    if state.aborting:
        return f"the run is being ended already: {state.aborting}"
    if state.held:
        return f"the run is on hold, and a way back is a change too; release it first: {state.held}"
    if order.step and (problem := places.no_such_step(state, order.step)):
        return problem
    if not any(not effect.undone for effect in state.ledger) and not _may_change(state):
        return "nothing has been changed, so there is nothing to take back; `abort` ends the run"
    first = _first(state, order.step)
    if first is None:
        changed = ", ".join(dict.fromkeys(f"`{effect.step}`" for effect in state.ledger if not effect.undone))
        return f"`{order.step}` has changed nothing that is still so; what is: {changed or 'nothing'}"
    return _barred(state, first)


def _may_change(state: State) -> bool:
    """Whether a change is under way that the order stops, and that may be made all the same."""
    nodes = (state.nodes[path] for path in state.live)
    return any(
        node.phase in places.UNDER_WAY and places.step_of(state, node).effect == "change" for node in nodes
    )


def _first(state: State, step: str) -> int | None:
    """Position in the ledger of the first change that is taken back; None when `step` has made none."""
    if not step:
        return 0
    node = state.nodes.get(step)
    if node is None:
        return None
    within = {step, *(each.path for each in places.inside(state, node))}
    left = {at: effect for at, effect in enumerate(state.ledger) if not effect.undone}
    first = next((at for at, effect in left.items() if effect.step in within), None)
    if first is None and not (places.busy(state, node) and _may_change(state)):
        return None
    # A block with a way back of its own was written down before its steps, and goes back as a whole.
    blocks = {each.path for each in places.around(state, node) if places.step_of(state, each).undo}
    whole = next((at for at, effect in left.items() if effect.step in blocks), None)
    return min(at for at in (first, whole, len(state.ledger)) if at is not None)


def _barred(state: State, first: int) -> str:
    """The newest change cannot be taken back, so nothing before it is: the order would do nothing."""
    left = [effect for effect in state.ledger[first:] if not effect.undone]
    newest = left[-1] if left else None
    if newest is None or not newest.irreversible or _may_change(state):
        return ""
    return f"there is no way back before `{newest.step}`: {newest.irreversible}; `abort` ends the run"


def undo(turn: Turn, order: Order) -> None:
    """What is under way is stopped first, as by an abort; what turns out to be done by then is taken back."""
    first = _first(turn.before, order.step)
    assert first is not None
    to = f" to before `{order.step}`" if order.step else ""
    note(turn, order, "ordered", f"undo{to}, says {order.by}")
    stopping.stop(turn, f"undone{to} by {order.by}: {order.reason}", back_to=first)


# --- withdraw ---------------------------------------------------------------------------------------------


def withdraw_refusal(state: State, order: Order) -> str:
    if state.aborting:
        return f"the run is being ended: {state.aborting}"
    found = _given_by(state, order)
    if not found:
        of = f" of `{order.request}`" if order.request else ""
        return f"{order.by} has approved nothing{of} that could be withdrawn"
    problems = [_too_late(state, each) for each in found]
    left = [each for each, problem in zip(found, problems, strict=True) if not problem]
    if len(left) > 1:
        return f"say which: {', '.join(f'`{each.request.id}`' for each in left)}"
    return "" if left else problems[-1]


def _given_by(state: State, order: Order) -> list[OpenRequest]:
    return [
        each
        for each in state.requests.values()
        if order.request in ("", each.request.id)
        and any(given.by == order.by and given.choice == "approve" for given in each.given)
    ]


def _too_late(state: State, opened: OpenRequest) -> str:
    """Why the approval stands; empty while its step has not begun."""
    if not opened.closed:
        return ""
    node = state.nodes.get(opened.node)
    if node is not None and node.approved and node.phase is Phase.READY and _is_newest(state, opened):
        return ""
    if node is None or not node.approved or not _is_newest(state, opened):
        return f"`{opened.request.id}` is over: {opened.closed}"
    return f"too late: `{opened.node}` began at {clock(node.begun)}; pause, skip or abort"


def _is_newest(state: State, opened: OpenRequest) -> bool:
    """The approval of `opened` is the one that holds, and not a later one of the same step."""
    of = [
        each
        for each in state.requests.values()
        if each.node == opened.node and each.request.kind == "approval"
    ]
    return bool(of) and of[-1].request.id == opened.request.id


def withdraw(turn: Turn, order: Order) -> None:
    opened = next(each for each in _given_by(turn.before, order) if not _too_late(turn.before, each))
    note(turn, order, "withdrawn", f"{order.by} withdraws the approval of `{opened.request.id}`")
    if not opened.closed:
        given = tuple(each for each in opened.given if each.by != order.by)
        request = replace(opened.request, answers=tuple(each.by for each in given))
        spoke = {name: roles for name, roles in opened.spoke.items() if name != order.by}
        turn.requests[request.id] = replace(opened, given=given, spoke=spoke, request=request)
        return
    node = turn.nodes[opened.node]
    turn.parked = [each for each in turn.parked if each.path != node.path]
    again.ask_anew(turn, turn.put(node, approved=False), f"{order.by} has withdrawn their approval")
