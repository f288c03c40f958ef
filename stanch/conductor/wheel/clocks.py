"""Limits stand still while their work is kept back: all of them in a pause, and on hold those of a block,
child or loop in which something is parked. What was left is left when it goes on."""

from __future__ import annotations

from stanch.conductor.commands import CancelTimer
from stanch.conductor.steps import begin
from stanch.conductor.turn import Turn


def set_limits(turn: Turn) -> None:
    """Stop the limits that stand still from here on, and go on with those that do not any more."""
    if not (turn.paused or turn.parked or turn.before.paused or turn.before.parked):
        return
    kept = _kept_back(turn)
    for path in list(turn.live):
        node = turn.nodes[path]
        still = bool(turn.paused) or path in kept
        if node.limit and still:
            turn.awaited.pop(node.limit, None)
            turn.commands.append(CancelTimer(node.limit))
            turn.put(node, limit="", stood=turn.at)
        elif node.due and not node.limit and not still:
            begin.arm_limit(turn, node, max(node.due - node.stood, 0.0))


def _kept_back(turn: Turn) -> set[str]:
    """Paths of what is parked, and of all around it."""
    found: set[str] = set()
    if turn.given.revision < 2:
        return found
    for each in turn.parked:
        path: str | None = each.path
        while path is not None and path not in found:
            found.add(path)
            path = turn.nodes[path].parent
    return found
