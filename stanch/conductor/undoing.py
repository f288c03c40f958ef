"""Take back what a node has changed: completed effects only, in reverse order, one after another."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import finish
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask


def reversible(turn: Turn, node: Node) -> tuple[int, ...]:
    """Positions in the ledger of the node's effects that can be undone, newest first, up to a barrier."""
    found: list[int] = []
    for position in range(len(turn.ledger) - 1, -1, -1):
        effect = turn.ledger[position]
        if not _is_below(turn, effect.step, node.path):
            continue
        if effect.irreversible:
            break
        if effect.undo is not None and not effect.undone:
            found.append(position)
    return tuple(found)


def taken_back(turn: Turn, node: Node) -> bool:
    """Whether a change of the node was taken back and not made again since."""
    newest = {effect.step: effect.undone for effect in turn.ledger}
    return any(undone and _is_below(turn, step, node.path) for step, undone in newest.items())


def start(turn: Turn, node: Node) -> None:
    queue = reversible(turn, node)
    turn.note("undoing", f"{len(queue)} to take back", step=node.path)
    _next(turn, turn.put(node, undo_queue=queue))


def undone(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> None:
    """One way back ended. If it failed, say so, and still take back the others."""
    _next(turn, settle_undo(turn, node, event))


def settle_undo(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> Node:
    """Write down how the way back that is under way ended."""
    position = node.undo_queue[0]
    effect = turn.ledger[position]
    match event:
        case ActionSucceeded():
            turn.ledger[position] = replace(effect, undone=True)
            kind, text = "undone", f"{effect.target}: took back `{effect.command}`".lstrip(": ")
        case ActionFailed(reason=reason):
            kind, text = "problem", f"could not take back `{effect.command}` {effect.target}: {reason}"
        case ActionLost(reason=reason):
            kind = "problem"
            text = f"nobody knows whether `{effect.command}` {effect.target} was taken back: {reason}"
            node = turn.put(node, doubted=True)
    turn.note(kind, text, step=effect.step)
    return turn.put(node, undo_queue=node.undo_queue[1:], key="")


def _next(turn: Turn, node: Node) -> None:
    if not node.undo_queue:
        _ended(turn, node)
        return
    effect = turn.ledger[node.undo_queue[0]]
    assert effect.undo is not None
    timeout = turn.book.steps[turn.nodes[effect.step].step].timeout
    task = ActionTask(step=effect.step, call=effect.undo, effect="change", timeout=timeout)
    text = f"undo {effect.step} {effect.target}".rstrip()
    key = turn.run_action(node, task, text[:200], timeout + 5.0, 1)
    turn.put(node, phase=Phase.UNDOING, key=key)


def _ended(turn: Turn, node: Node) -> None:
    mine = [effect for effect in turn.ledger if _is_below(turn, effect.step, node.path)]
    back = sum(effect.undone for effect in mine)
    if back == len(mine):
        text = f"{node.note}; all {back} changes were taken back" if mine else node.note
    else:
        text = f"{node.note}; {back} of {len(mine)} changes were taken back"
    inside = (each for each in turn.nodes.values() if _is_below(turn, each.path, node.path))
    unknown = any(each.doubted or each.phase is Phase.IN_DOUBT for each in inside)
    finish.settle(turn, node, Phase.IN_DOUBT if unknown else Phase.FAILED, text)


def _is_below(turn: Turn, path: str | None, ancestor: str) -> bool:
    while path is not None:
        if path == ancestor:
            return True
        path = turn.nodes[path].parent
    return False
