"""Abort: nothing new begins, what is under way is stopped, and its end is awaited so that it can be told."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import finish, undoing
from stanch.conductor.act import enter_ledger
from stanch.conductor.commands import CancelAction, CancelTimer
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded
from stanch.conductor.state import ROOT, Node, Phase
from stanch.conductor.turn import Turn

_IN_ACTION = (Phase.ACTING, Phase.DOUBTING, Phase.VERIFYING, Phase.UNDOING)


def stop(turn: Turn, reason: str) -> None:
    turn.aborting = reason
    turn.queue.clear()
    for opened in list(turn.requests.values()):
        if not opened.closed:
            turn.requests[opened.request.id] = replace(opened, timer="", closed=reason)
            _forget(turn, opened.timer)
    for node in list(turn.nodes.values()):
        if node.phase in _IN_ACTION and node.key:
            turn.commands.append(CancelAction(node.key))
            turn.put(node, phase=Phase.STOPPING)
        elif not node.phase.final:
            _forget(turn, node.key)
            turn.put(node, phase=_unless_doubted(node), ended=turn.at, key="")
    end_when_still(turn)


def end_when_still(turn: Turn) -> None:
    """The run ends when nothing is under way any more."""
    if any(node.phase is Phase.STOPPING for node in turn.nodes.values()):
        return
    doubtful = [node.path for node in turn.nodes.values() if node.phase is Phase.IN_DOUBT]
    text = turn.aborting + (f"; in doubt: {', '.join(doubtful)}" if doubtful else "")
    finish.finish_run(turn, "in_doubt" if doubtful else "aborted", text)
    root = turn.nodes[ROOT]
    turn.put(root, phase=Phase.ABORTED, ended=turn.at, note=text)


def stopped(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> None:
    """An action that was under way when the run was aborted has ended; say how."""
    node = turn.put(node, key="")
    if node.undo_queue:
        node = undoing.settle_undo(turn, node, event)
        turn.put(node, phase=_unless_doubted(node), ended=turn.at)
        end_when_still(turn)
        return
    match event:
        case ActionSucceeded():
            node = turn.put(node, result=event.result)
            made = node.doubted or not event.already
            if turn.step(node).effect == "change" and made and _was_its_change(node):
                enter_ledger(turn, node, turn.step(node))
            note = "ended before it could be stopped"
            turn.put(node, phase=Phase.SUCCEEDED, doubted=False, ended=turn.at, note=note)
        case ActionFailed():
            turn.put(node, phase=_unless_doubted(node), ended=turn.at, note=event.reason)
        case ActionLost():
            turn.put(node, phase=Phase.IN_DOUBT, ended=turn.at, note=event.reason)
            turn.note("in_doubt", event.reason, step=node.path)
    end_when_still(turn)


def _was_its_change(node: Node) -> bool:
    """What ended was the change itself, or the check whether it was made; not the one whether it helped."""
    return bool(node.tasks) and not node.verifying


def _unless_doubted(node: Node) -> Phase:
    """To abort a run does not settle what nobody knew before."""
    return Phase.IN_DOUBT if node.doubted else Phase.ABORTED


def _forget(turn: Turn, key: str) -> None:
    if key and turn.awaited.pop(key, None) is not None:
        turn.commands.append(CancelTimer(key))
