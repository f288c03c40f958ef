"""Take back what a node has changed: completed effects only, in reverse order, one after another."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import finish, ledger
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded
from stanch.conductor.state import ROOT, Node, Phase
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Effected
from stanch.language.people import IC
from stanch.language.plan import MANUAL


def reversible(turn: Turn, node: Node) -> tuple[int, ...]:
    """Positions in the ledger of the node's effects that can be undone, newest first, up to a barrier."""
    found: list[int] = []
    for position in range(len(turn.ledger) - 1, -1, -1):
        effect = turn.ledger[position]
        if not turn.is_below(turn.nodes[effect.step], node):
            continue
        if effect.irreversible:
            break
        if effect.undo is not None and not effect.undone and not effect.part_of:
            found.append(position)
    return tuple(found)


def taken_back(turn: Turn, node: Node) -> bool:
    """Whether a change of the node was taken back and not made again since.

    What was borrowed and came back counts only where its block or round is done again itself.
    """
    newest = {effect.step: effect for effect in turn.ledger}
    return any(
        effect.undone and not _came_back(turn, effect) and turn.is_below(turn.nodes[step], node)
        for step, effect in newest.items()
    )


def _came_back(turn: Turn, effect: Effected) -> bool:
    return effect.returned and turn.nodes[effect.reverts or ROOT].phase is Phase.SUCCEEDED


def start(turn: Turn, node: Node) -> None:
    queue = reversible(turn, node)
    turn.note("undoing", f"{len(queue)} to take back", step=node.path)
    _next(turn, turn.put(node, undo_queue=queue))


def put_back(turn: Turn, node: Node, borrowed: tuple[int, ...], end: Phase, note: str) -> None:
    """Put back what was borrowed until the end of `node`, which then ends as `end`."""
    turn.note("undoing", f"{len(borrowed)} to put back", step=node.path)
    _next(turn, turn.put(node, undo_queue=borrowed, end=end, note=note))


def undone(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> None:
    """One way back ended. If it failed, say so, and still take back the others."""
    _next(turn, settle_undo(turn, node, event))


def settle_undo(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> Node:
    """Write down how the way back that is under way ended."""
    position = node.undo_queue[0]
    effect = turn.ledger[position]
    match event:
        case ActionSucceeded():
            turn.ledger[position] = replace(effect, undone=True, returned=node.end is not None)
            _mark_parts(turn, effect)
            kind, text = "undone", f"{effect.target}: took back `{effect.command}`".lstrip(": ")
        case ActionFailed(reason=reason):
            kind, text = "problem", f"could not take back `{effect.command}` {effect.target}: {reason}"
        case ActionLost(reason=reason):
            kind = "problem"
            text = f"nobody knows whether `{effect.command}` {effect.target} was taken back: {reason}"
            node = turn.put(node, doubted=True)
    turn.note(kind, text, step=effect.step)
    return turn.put(node, undo_queue=node.undo_queue[1:], key="")


def _mark_parts(turn: Turn, block: Effected) -> None:
    """What a block's own way back has taken back with it."""
    for position, effect in enumerate(turn.ledger):
        if effect.part_of and effect.part_of == block.step and not effect.undone:
            turn.ledger[position] = replace(effect, undone=True)


def _next(turn: Turn, node: Node) -> None:
    while node.undo_queue and _is_by_hand(turn.ledger[node.undo_queue[0]]):
        node = _leave_to_people(turn, node)
    if not node.undo_queue:
        _ended(turn, node)
        return
    effect = turn.ledger[node.undo_queue[0]]
    assert effect.undo is not None
    timeout = turn.step(turn.nodes[effect.step]).timeout
    task = ActionTask(step=effect.step, call=effect.undo, effect="change", timeout=timeout)
    text = f"undo {effect.step} {effect.target}".rstrip()
    key = turn.run_action(node, task, text[:200], timeout + 5.0, 1)
    turn.put(node, phase=Phase.UNDOING, key=key)


def _is_by_hand(effect: Effected) -> bool:
    return effect.undo is not None and effect.undo.action == MANUAL


def _leave_to_people(turn: Turn, node: Node) -> Node:
    """A way back that a person goes: they are told, and the run does not wait for it."""
    effect = turn.ledger[node.undo_queue[0]]
    assert effect.undo is not None
    params = effect.undo.params
    turn.page_about(node, str(params.get("who", IC)), f"take back by hand: {params.get('do', '')}")
    turn.note("problem", f"to be taken back by hand: {params.get('do', '')}", step=effect.step)
    return turn.put(node, undo_queue=node.undo_queue[1:])


def _ended(turn: Turn, node: Node) -> None:
    if node.end is not None:
        _ended_putting_back(turn, node, node.end)
        return
    mine = [
        effect
        for effect in turn.ledger
        if turn.is_below(of := turn.nodes[effect.step], node) and turn.step(of).call is not None
    ]
    back = sum(effect.undone for effect in mine)
    if back == len(mine):
        text = f"{node.note}; all {back} changes were taken back" if mine else node.note
    else:
        text = f"{node.note}; {back} of {len(mine)} changes were taken back"
    inside = (each for each in turn.nodes.values() if turn.is_below(each, node))
    unknown = any(each.doubted or each.phase is Phase.IN_DOUBT for each in inside)
    finish.settle(turn, node, Phase.IN_DOUBT if unknown else Phase.FAILED, text)


def _ended_putting_back(turn: Turn, node: Node, end: Phase) -> None:
    """Something that was borrowed and did not come back is a failure, however well all else went."""
    away = [turn.ledger[position] for position in ledger.due(turn, node)]
    node = turn.put(node, end=None)
    if not away:
        finish.end(turn, node, end, node.note)
        return
    told = ", ".join(f"`{effect.command}` {effect.target}".rstrip() for effect in away[:3])
    note = f"{node.note}; not put back: {told}".removeprefix("; ")
    worst = Phase.IN_DOUBT if node.doubted else Phase.FAILED
    finish.end(turn, node, end if end in (Phase.IN_DOUBT, Phase.ABORTED) else worst, note)
