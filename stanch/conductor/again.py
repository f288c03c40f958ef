"""Again, what is not in place and only that: a retry goes down to what failed, and on from there.

What failed and was accepted (`on_failure: continue`, `max_failures`) stays as it is. What had succeeded and
was taken back since is made again. A block goes through its steps in order, a fan-out keeps to its batches.
"""

from __future__ import annotations

from stanch.conductor import begin, family, finish, undoing
from stanch.conductor.events import Cleared, Entered, Repeated
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn


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
        kept = {child.item for child in children if not family.to_repeat(turn, child)}
        todo = tuple(item for item in range(len(node.items)) if item not in kept)
        if not todo:
            finish.complete(turn, node)
            return
        turn.put(node, phase=Phase.READY, todo=todo, batch=0)
        turn.post(node.path, Cleared())
    else:
        node = begin.start_limit(turn, turn.put(node, phase=Phase.RUNNING, opened=0), step)
        family.go_on(turn, node)
