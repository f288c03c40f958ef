"""Again, what is not in place and only that: a retry goes down to what failed, and on from there.

What failed and was accepted (`on_failure: continue`, `max_failures`) stays as it is. What had succeeded and
was taken back since is made again. A block goes through its steps in order, a fan-out keeps to its batches.
"""

from __future__ import annotations

from stanch.conductor import finish, undoing
from stanch.conductor.events import Cleared, Entered, Repeated
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn, child_path

_BAD = (Phase.FAILED, Phase.IN_DOUBT)


def repeated(turn: Turn, node: Node, _: Repeated) -> None:
    step = turn.step(node)
    taken_back = undoing.taken_back(turn, node)
    if node.verifying and not taken_back:
        finish.verify(turn, node)
        return
    node = turn.put(node, verifying=False)
    children = turn.children(node)
    if not children and (node.item is not None or not node.approved):
        # What nobody was asked about may be looked at afresh.
        turn.post(node.path, Entered())
    elif not children:
        # What was approved stays as it was shown.
        turn.put(node, phase=Phase.READY)
        turn.post(node.path, Cleared())
    elif node.item is None and step.for_each:
        kept = {child.item for child in children if not _to_repeat(turn, child)}
        todo = tuple(item for item in range(len(node.items)) if item not in kept)
        if not todo:
            finish.complete(turn, node)
            return
        turn.put(node, phase=Phase.READY, todo=todo, batch=0)
        turn.post(node.path, Cleared())
    else:
        go_on(turn, turn.put(node, phase=Phase.RUNNING, opened=0))


def go_on(turn: Turn, node: Node) -> None:
    """A block's next step that has not been done; the block's end if there is none."""
    steps = turn.step(node).steps
    for at in range(node.opened, len(steps)):
        child = turn.nodes.get(child_path(node, steps[at].id))
        if child is None:
            turn.open_child(turn.put(node, opened=at + 1), steps[at].id)
            return
        if _to_repeat(turn, child):
            turn.put(node, opened=at + 1)
            turn.repeat(child)
            return
    finish.complete(turn, node)


def _to_repeat(turn: Turn, child: Node) -> bool:
    accepted = child.item is None and turn.step(child).on_failure == "continue"
    return (child.phase in _BAD and not accepted) or undoing.taken_back(turn, child)
