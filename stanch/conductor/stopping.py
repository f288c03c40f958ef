"""Abort: nothing new begins, what is under way is stopped, and its end is awaited so that it can be told."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import finish, ledger, undoing
from stanch.conductor.commands import CancelAction, CancelTimer
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded
from stanch.conductor.ledger import enter
from stanch.conductor.state import ROOT, Node, Phase
from stanch.conductor.turn import Turn

_IN_ACTION = (Phase.ACTING, Phase.DOUBTING, Phase.VERIFYING, Phase.UNDOING)


def stop(turn: Turn, reason: str) -> None:
    """End the run."""
    turn.aborting = reason
    turn.queue.clear()
    _let_go(turn, list(turn.nodes.values()))
    end_when_still(turn)


def halt(turn: Turn, node: Node, reason: str) -> None:
    """End all that is inside of `node`; then its work has failed."""
    _forget(turn, node.key)
    node = turn.put(node, halting=reason, key="")
    _let_go(turn, turn.inner(node))
    _end_when_halted(turn, node)


def _let_go(turn: Turn, nodes: list[Node]) -> None:
    """Withdraw what the nodes ask, forget their timers, and stop their actions: the ends of those come."""
    inside = {node.path for node in nodes}
    reason = turn.aborting or "what it belongs to was stopped"
    for opened in list(turn.requests.values()):
        if not opened.closed and opened.node in inside:
            turn.requests[opened.request.id] = replace(opened, timer="", closed=reason)
            _forget(turn, opened.timer)
    for node in nodes:
        _forget(turn, node.limit)
        if node.phase in _IN_ACTION and node.key:
            turn.commands.append(CancelAction(node.key))
            turn.put(node, phase=Phase.STOPPING, limit="", halting="")
        elif not node.phase.final and node.phase is not Phase.STOPPING:
            _forget(turn, node.key)
            turn.put(node, phase=_unless_doubted(node), ended=turn.at, key="", limit="", halting="")


def _end_when_halted(turn: Turn, node: Node) -> None:
    """The node has failed when nothing inside of it is under way any more."""
    inside = turn.inner(node)
    if not any(each.phase is Phase.STOPPING for each in inside):
        doubtful = any(each.phase is Phase.IN_DOUBT for each in inside)
        # What was borrowed inside has nobody any more who puts it back but the node itself.
        ledger.readdress(turn, {each.path for each in inside}, node)
        turn.put(node, halting="")
        finish.fail(turn, node, node.halting, in_doubt=doubtful)


def end_when_still(turn: Turn) -> None:
    """The run ends when nothing is under way any more; and so does a node that is being halted."""
    if not turn.aborting:
        for node in [each for each in turn.nodes.values() if each.halting]:
            _end_when_halted(turn, node)
        return
    if any(node.phase is Phase.STOPPING for node in turn.nodes.values()):
        return
    doubtful = [node.path for node in turn.nodes.values() if node.phase is Phase.IN_DOUBT]
    text = turn.aborting + (f"; in doubt: {', '.join(doubtful)}" if doubtful else "")
    finish.finish_run(turn, "in_doubt" if doubtful else "aborted", text)
    root = turn.nodes[ROOT]
    turn.put(root, phase=Phase.ABORTED, ended=turn.at, note=text)


def stopped(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> None:
    """An action that was under way when the run, or what it belongs to, was stopped has ended; say how."""
    node = turn.put(node, key="")
    if node.undo_queue:
        node = undoing.settle_undo(turn, node, event)
        turn.put(node, phase=_unless_doubted(node), ended=turn.at, undo_queue=(), end=None)
        end_when_still(turn)
        return
    match event:
        case ActionSucceeded():
            node = turn.put(node, result=event.result)
            turn.keep(node, event.kept)
            made = node.doubted or not event.already
            if turn.step(node).effect == "change" and made and _was_its_change(node):
                enter(turn, node)
            note = "ended before it could be stopped"
            node = turn.put(node, phase=Phase.SUCCEEDED, doubted=False, ended=turn.at, note=note)
            finish.store(turn, node, finish.outputs_of(turn, node, turn.step(node), lenient=True))
            if node.item is None:
                turn.values[node.path] = {**turn.values[node.path], **finish.standing(Phase.SUCCEEDED)}
        case ActionFailed():
            turn.put(node, phase=_unless_doubted(node), ended=turn.at, note=event.reason)
        case ActionLost():
            doubted = turn.step(node).effect == "change"
            turn.put(node, phase=Phase.IN_DOUBT, ended=turn.at, note=event.reason, doubted=doubted)
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
