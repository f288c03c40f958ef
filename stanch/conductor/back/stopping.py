"""Abort: nothing new begins, what is under way is stopped, and its end is awaited so that it can be told.

Then what was borrowed is put back; and if the run is to be undone, all that it changed is taken back, down to
where it was told to. A hold keeps back that too: an abort ends the run then, and says what is left as it is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from stanch.conductor.back import ledger, undoing
from stanch.conductor.back.ledger import enter
from stanch.conductor.claims import taking
from stanch.conductor.commands import CancelAction, CancelTimer
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded
from stanch.conductor.requests import doubt
from stanch.conductor.state import ROOT, Node, Phase
from stanch.conductor.steps import finish
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import parking
from stanch.language.people import IC

_IN_ACTION = (Phase.ACTING, Phase.DOUBTING, Phase.VERIFYING, Phase.UNDOING)


def stop(turn: Turn, reason: str, *, back_to: int | None = None) -> None:
    """End the run; if `back_to` is a position in the ledger, what has been changed since is taken back first.

    What is being taken back already is stopped too.
    """
    turn.aborting, turn.back_to = reason, back_to
    turn.queue.clear()
    if turn.paused:
        turn.note("resumed", "the pause is over, for the run ends")
        turn.paused, turn.paused_at = "", 0.0
    let_go(turn, list(turn.nodes.values()))
    end_when_still(turn)


def halt(turn: Turn, node: Node, reason: str, *, undo: bool = False) -> None:
    """End all that is inside of `node`; then its work has failed, and if `undo` it is taken back."""
    _forget(turn, node.key)
    # How it ends is settled, so its time cannot run out any more.
    node = turn.put(finish.drop_limit(turn, node), halting=reason, key="", undo_next=undo)
    inside = {each.path for each in turn.inner(node)}
    # What they were to be told in this turn makes no sense any more.
    turn.queue = deque(each for each in turn.queue if each[0] not in {node.path, *inside})
    # In the order in which they were opened, for that is the order of the commands in old histories.
    let_go(turn, [each for each in turn.nodes.values() if each.path in inside])
    _end_when_halted(turn, node)


def let_go(turn: Turn, nodes: list[Node], why: str = "what it belongs to was stopped") -> None:
    """Withdraw what the nodes ask, forget their timers, and stop their actions: the ends of those come."""
    inside = {node.path for node in nodes}
    reason = turn.aborting or why
    parking.forget(turn, inside)
    taking.give_up(turn, inside)
    for opened in list(turn.requests.values()):
        if not opened.closed and opened.node in inside:
            turn.requests[opened.request.id] = replace(opened, timer="", closed=reason)
            _forget(turn, opened.timer)
            if opened.request.kind == "in_doubt" and _goes_back(turn, turn.nodes[opened.node]):
                doubt.go_back(turn, turn.nodes[opened.node])
    for node in nodes:
        _forget(turn, node.limit)
        if node.phase in _IN_ACTION and node.key:
            turn.commands.append(CancelAction(node.key))
            turn.put(node, phase=Phase.STOPPING, limit="", due=0.0, halting="")
        elif not node.phase.final and node.phase is not Phase.STOPPING:
            _forget(turn, node.key)
            ended = {"ended": turn.at, "key": "", "limit": "", "due": 0.0, "halting": ""}
            turn.put(node, phase=_unless_doubted(node), **ended)


def _end_when_halted(turn: Turn, node: Node) -> None:
    """The node has failed when nothing inside of it is under way any more."""
    inside = turn.inner(node)
    if any(each.phase is Phase.STOPPING for each in inside):
        return
    doubtful = any(each.phase is Phase.IN_DOUBT for each in inside)
    # What was borrowed inside has nobody any more who puts it back but the node itself.
    ledger.readdress(turn, {each.path for each in inside}, node)
    reason, undo = node.halting, node.undo_next
    node = finish.drop_limit(turn, turn.put(node, halting="", undo_next=False))
    if undo:
        undoing.start(turn, turn.put(node, note=reason))
    else:
        finish.fail(turn, node, reason, in_doubt=doubtful)


def end_when_still(turn: Turn) -> None:
    """The run ends when nothing is under way any more; and so does a node that is being halted."""
    if not turn.aborting:
        for node in [turn.nodes[path] for path in turn.live if turn.nodes[path].halting]:
            # Where a batch is verified, that is what is stopped, and its own end is awaited.
            if node.phase is not Phase.VERIFYING:
                _end_when_halted(turn, node)
        return
    if any(turn.nodes[path].phase is Phase.STOPPING for path in turn.live):
        return
    if way_back := _way_back(turn):
        turn.taking_back = True
        undoing.take_all_back(turn, turn.nodes[ROOT], way_back)
    else:
        end_run(turn)


def _way_back(turn: Turn) -> tuple[int, ...]:
    """Positions in the ledger of what is taken or put back before the run ends, newest first."""
    if turn.taking_back:
        return ()
    if turn.back_to is not None:
        return undoing.since(turn, turn.back_to)
    if turn.held or turn.given.revision < 2:
        return ()
    return undoing.borrowed(turn)


def end_run(turn: Turn) -> None:
    """Nothing is under way any more: the run that was aborted, or undone, has ended."""
    doubtful = [node.path or "run" for node in turn.nodes.values() if _is_doubtful(node)]
    text = turn.aborting + undoing.how_far(turn)
    text += f"; in doubt: {', '.join(doubtful)}" if doubtful else ""
    if turn.given.revision >= 2 and turn.held and (left := undoing.borrowed(turn)):
        turn.page_about(turn.nodes[ROOT], IC, f"{len(left)} not put back, for it is on hold: {turn.held}")
    finish.finish_run(turn, "in_doubt" if doubtful else "aborted", text)
    turn.put(turn.nodes[ROOT], phase=Phase.ABORTED, ended=turn.at, note=text, key="", undo_queue=(), end=None)


def _is_doubtful(node: Node) -> bool:
    """The root is only told of by what it could not take back."""
    return node.phase is Phase.IN_DOUBT or (not node.path and node.doubted)


def stopped(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> None:
    """An action that was under way when the run, or what it belongs to, was stopped has ended; say how."""
    node = turn.put(node, key="")
    if node.undo_queue:
        node = undoing.settle_undo(turn, node, event)
        turn.put(node, phase=_unless_doubted(node), ended=turn.at, undo_queue=(), end=None)
        end_when_still(turn)
        return
    if isinstance(event, ActionFailed) and event.ran and turn.given.revision < 2:
        # The ledger of such a run knows of no change that is not complete.
        event = ActionLost(event.at, event.key, event.reason, event.ends, event.undo)
    match event:
        case ActionSucceeded():
            _ended_well(turn, node, event)
        case ActionFailed():
            turn.keep(node, event.kept)
            turn.tell_ends(node, event.ends)
            if event.ran and _was_its_change(node):
                node = ledger.enter_incomplete(turn, node, event)
            turn.put(node, phase=_unless_doubted(node), ended=turn.at, note=event.reason)
        case ActionLost():
            turn.tell_ends(node, event.ends)
            _lost(turn, node, event)
    node = turn.nodes[node.path]
    if node.doubted and _goes_back(turn, node):
        doubt.go_back(turn, node)
    end_when_still(turn)


def _ended_well(turn: Turn, node: Node, event: ActionSucceeded) -> None:
    node = ledger.told_back(turn, node, event.undo)
    if turn.given.revision < 2 or not node.verifying:
        # What says whether it helped is not what the step has given.
        node = turn.put(node, result=event.result)
    turn.keep(node, event.kept)
    strayed = node.doubted or event.found or (node.strayed and turn.given.revision >= 2)
    made = strayed or not (event.already or node.looking)
    if turn.step(node).effect == "change" and made and _was_its_change(node):
        enter(turn, node)
    note = "ended before it could be stopped"
    # A batch of a loop was verified, and others were still to come.
    whole = not (turn.is_loop(node) and node.todo)
    phase = Phase.SUCCEEDED if whole else Phase.ABORTED
    node = turn.put(node, phase=phase, doubted=False, ended=turn.at, note=note)
    finish.store(turn, node, finish.outputs_of(turn, node, turn.step(node), lenient=True))
    if node.item is None:
        turn.values[node.path] = {**turn.values[node.path], **finish.standing(phase)}


def _lost(turn: Turn, node: Node, event: ActionLost) -> None:
    if turn.given.revision >= 2 and node.verifying and not node.doubted:
        # The change was made; only whether it helped is not known.
        turn.put(node, phase=Phase.ABORTED, ended=turn.at, note=event.reason)
        return
    doubted = turn.step(node).effect == "change"
    if doubted:
        node = turn.put(node, ends=event.ends, evidence=doubt.of_attempt(node, event))
    node = ledger.told_back(turn, node, event.undo)
    turn.put(node, phase=Phase.IN_DOUBT, ended=turn.at, note=event.reason, doubted=doubted)
    turn.note("in_doubt", event.reason, step=node.path)


def _goes_back(turn: Turn, node: Node) -> bool:
    """What `node` belongs to is taken back as soon as nothing in it is under way any more."""
    ordered = turn.back_to is not None or any(each.undo_next for each in turn.around(node))
    return ordered and turn.given.revision >= 2


def _was_its_change(node: Node) -> bool:
    """What ended was the change itself, or the check whether it was made; not the one whether it helped."""
    return bool(node.tasks) and not node.verifying


def _unless_doubted(node: Node) -> Phase:
    """To abort a run does not settle what nobody knew before."""
    return Phase.IN_DOUBT if node.doubted else Phase.ABORTED


def _forget(turn: Turn, key: str) -> None:
    if key and turn.awaited.pop(key, None) is not None:
        turn.commands.append(CancelTimer(key))
