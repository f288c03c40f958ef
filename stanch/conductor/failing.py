"""A node's work failed: stop, go on, take back, or ask a person, as its step says."""

from __future__ import annotations

from stanch.conductor import asking, finish, undoing
from stanch.conductor.events import WorkFailed
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn


def work_failed(turn: Turn, node: Node, event: WorkFailed) -> None:
    step = turn.step(node)
    phase = Phase.IN_DOUBT if event.in_doubt else Phase.FAILED
    node = turn.put(node, note=event.reason)
    if node.item is not None or not node.path:
        finish.settle(turn, node, phase, event.reason)
        return
    match step.on_failure:
        case "ask":
            asking.ask_about_failure(turn, node, event.reason, in_doubt=event.in_doubt)
        case "undo" if not event.in_doubt:
            turn.note("failed", event.reason, step=node.path)
            undoing.start(turn, node)
        case "stop" | "continue" | "undo":
            # `undo` with an outcome nobody knows: taking back what may not have happened is another change.
            finish.settle(turn, node, phase, event.reason)
