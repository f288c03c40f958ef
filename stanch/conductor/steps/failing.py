"""A node's work failed: stop, go on, take back, or ask a person, as its step says."""

from __future__ import annotations

from stanch.conductor.back import ledger, undoing
from stanch.conductor.events import WorkFailed
from stanch.conductor.requests import asking
from stanch.conductor.state import Node, Phase
from stanch.conductor.steps import finish
from stanch.conductor.turn import Turn


def work_failed(turn: Turn, node: Node, event: WorkFailed) -> None:
    step = turn.step(node)
    in_doubt, reason = event.in_doubt, event.reason
    if node.doubted and not in_doubt:
        # That this attempt failed does not tell what became of the one before.
        in_doubt, reason = True, f"{reason}; nobody knows yet what became of an earlier attempt"
    phase = Phase.IN_DOUBT if in_doubt else Phase.FAILED
    node = turn.put(finish.drop_limit(turn, node), note=reason)
    if node.item is not None or not node.path:
        finish.settle(turn, node, phase, reason)
        return
    # What nobody knows is no failure that a step could be written for: a person says what becomes of it.
    asks = in_doubt and bool(node.tasks) and turn.given.revision >= 2
    match "ask" if asks else step.on_failure:
        case "ask":
            asking.ask_about_failure(turn, node, reason, in_doubt=in_doubt)
        case "undo" if not in_doubt:
            turn.note("failed", reason, step=node.path)
            block = ledger.block_with_undo(turn, node) if turn.given.revision >= 2 else None
            if block is not None and ledger.line_of(turn, block) is not None:
                # The one way back of the block takes the place of those inside.
                undoing.start_around(turn, node, block)
            else:
                undoing.start(turn, node)
        case "stop" | "continue" | "undo":
            # `undo` with an outcome nobody knows: taking back what may not have happened is another change.
            finish.settle(turn, node, phase, reason)
