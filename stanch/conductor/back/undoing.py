"""Take back what a node has changed: completed effects only, in reverse order, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stanch.conductor.approval.preview import is_single
from stanch.conductor.back import ledger, stopping
from stanch.conductor.back.returning import looks_first
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded, TakeBack
from stanch.conductor.state import ROOT, Node, Phase
from stanch.conductor.steps import finish
from stanch.conductor.steps.limits import READ_TRIES, REATTACHED, deadline, settling
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Effected
from stanch.language.people import IC
from stanch.language.plan import MANUAL


def reversible(turn: Turn, node: Node) -> tuple[int, ...]:
    """Positions in the ledger of the node's effects that can be undone, newest first, up to a barrier."""
    found: list[int] = []
    for position in range(len(turn.ledger) - 1, -1, -1):
        effect = turn.ledger[position]
        if not _is_inside(turn, effect, node):
            continue
        if effect.irreversible:
            break
        if effect.undo is not None and not effect.undone and not effect.part_of:
            found.append(position)
    return tuple(found)


def since(turn: Turn, first: int) -> tuple[int, ...]:
    """Positions from `first` on that can be undone, newest first, up to a barrier."""
    found: list[int] = []
    for position in range(len(turn.ledger) - 1, first - 1, -1):
        effect = turn.ledger[position]
        if effect.irreversible:
            break
        if effect.undo is not None and not effect.undone and not effect.part_of:
            found.append(position)
    return tuple(found)


def borrowed(turn: Turn) -> tuple[int, ...]:
    """Positions of all that was to come back by itself within the run and is still away, newest first."""
    return tuple(
        position for position in range(len(turn.ledger) - 1, -1, -1) if _is_away(turn, turn.ledger[position])
    )


def _is_away(turn: Turn, effect: Effected) -> bool:
    """Whoever puts it back by hand was told so at the end of the block that it was borrowed for."""
    if effect.reverts is None or effect.undone or effect.undo is None:
        return False
    return not _is_by_hand(effect) or turn.nodes[effect.reverts].phase is Phase.ABORTED


def how_far(turn: Turn) -> str:
    """What was taken back of what should be, when the run was ordered to go back."""
    if turn.back_to is None:
        return ""
    asked = [effect for effect in turn.ledger[turn.back_to :] if not _is_of_block(turn, effect)]
    back = sum(effect.undone for effect in asked)
    if back == len(asked):
        return f"; all {back} changes were taken back"
    return f"; {back} of {len(asked)} changes were taken back{_barrier(turn.ledger[turn.back_to :])}"


def _barrier(effects: Sequence[Effected]) -> str:
    """Where going back has stopped, and why; empty when it came through."""
    newest = next((effect for effect in reversed(effects) if effect.irreversible), None)
    return f"; no way back before `{newest.step}`: {newest.irreversible}" if newest else ""


def _is_of_block(turn: Turn, effect: Effected) -> bool:
    """It is a block's way back, and no change of its own."""
    return (of := turn.nodes.get(effect.step)) is not None and turn.step(of).call is None


def take_all_back(turn: Turn, root: Node, queue: tuple[int, ...]) -> None:
    """The run ends, and this comes before its end."""
    turn.note("undoing", f"{len(queue)} to take back")
    end = Phase.ABORTED if turn.back_to is None else None
    _next(turn, turn.put(root, undo_queue=queue, end=end, ended=0.0))


def taken_back(turn: Turn, node: Node) -> bool:
    """Whether a change of the node was taken back and not made again since.

    What was borrowed and came back counts only where its block or round is done again itself.
    """
    if not any(effect.undone for effect in turn.ledger):
        return False
    newest = {effect.step: effect for effect in turn.ledger}
    return any(
        effect.undone and not _came_back(turn, effect) and _is_inside(turn, effect, node)
        for effect in newest.values()
    )


def _is_inside(turn: Turn, effect: Effected, node: Node) -> bool:
    """Whether the change is of `node` or of a step in it; what was begun afresh has forgotten its own."""
    return effect.step in turn.nodes and turn.is_below(turn.nodes[effect.step], node)


def standing(turn: Turn, node: Node) -> list[Effected]:
    """What `node` and the steps in it have changed and is still so."""
    return [effect for effect in turn.ledger if not effect.undone and _is_inside(turn, effect, node)]


def _came_back(turn: Turn, effect: Effected) -> bool:
    until = turn.nodes.get(effect.reverts or ROOT)
    return effect.returned and until is not None and until.phase is Phase.SUCCEEDED


def outermost(turn: Turn, node: Node) -> Node | None:
    """The outermost approved block around `node`."""
    found = None
    for around in turn.around(node):
        found = around if around.approved else found
    return found


def whole(turn: Turn, node: Node) -> Node | None:
    """The outermost approved block around `node`, if it has changed something that can be taken back."""
    found = outermost(turn, node)
    return found if found is not None and reversible(turn, found) else None


def start_around(turn: Turn, node: Node, block: Node) -> None:
    """`node` has failed, and with it ends the block around it; what that has changed is taken back."""
    reason, end = node.note, Phase.IN_DOUBT if node.doubted else Phase.FAILED
    turn.put(node, phase=end, ended=turn.at, key="")
    if node.item is None:
        turn.values[node.path] = {**turn.values.get(node.path, {}), **finish.standing(end)}
    stopping.halt(turn, turn.nodes[block.path], reason, undo=True)


def start(turn: Turn, node: Node) -> None:
    queue = reversible(turn, node)
    turn.note("undoing", f"{len(queue)} to take back", step=node.path)
    _next(turn, turn.put(node, undo_queue=queue))


def put_back(turn: Turn, node: Node, borrowed: tuple[int, ...], end: Phase, note: str) -> None:
    """Put back what was borrowed until the end of `node`, which then ends as `end`."""
    turn.note("undoing", f"{len(borrowed)} to put back", step=node.path)
    _next(turn, turn.put(node, undo_queue=borrowed, end=end, note=note))


def undone(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> None:
    """One way back ended. If it failed, say so, and still take back the others. What nobody knows the end of
    is asked about first, where something can tell."""
    effect = turn.ledger[node.undo_queue[0]]
    if isinstance(event, ActionLost) and not node.back_lost:
        check = settling(_task(turn, effect)) if turn.given.revision >= 2 else None
        # That it does not hold on all of several targets any more says nothing of each of them.
        if check is not None and effect.undo is not None and is_single(effect.undo):
            turn.note("in_doubt", event.reason, step=effect.step)
            text = f"undo {effect.step}: is it back?"
            key = turn.run_action(node, check, text[:200], deadline(check), READ_TRIES)
            turn.put(node, key=key, back_lost=event.reason)
            return
    _next(turn, settle_undo(turn, node, event))


def settle_undo(turn: Turn, node: Node, event: ActionSucceeded | ActionFailed | ActionLost) -> Node:
    """Write down how the way back that is under way ended."""
    position = node.undo_queue[0]
    effect = turn.ledger[position]
    if node.back_lost:
        event = _settled(node, event)
    match event:
        case ActionSucceeded(already=already):
            seen = turn.given.revision >= 2 and settling(_task(turn, effect)) is not None
            back = replace(effect, undone=True, returned=node.end is not None, unsure=False, verified=seen)
            turn.ledger[position] = back
            _mark_parts(turn, effect)
            _settle_doubt(turn, effect)
            _settle_around(turn, effect)
            if node.end is None:
                turn.mitigated = 0.0  # what had helped is not there any more
            kind, text = "undone", f"{effect.target}: took back `{effect.command}`".lstrip(": ")
            if already and not node.back_lost:
                text += "; it was back already, and nothing was executed"
        case ActionFailed(reason=reason):
            kind, text = "problem", f"could not take back `{effect.command}` {effect.target}: {reason}"
            _page_if_borrowed(turn, node, effect, text)
        case ActionLost(reason=reason):
            kind = "problem"
            text = f"nobody knows whether `{effect.command}` {effect.target} was taken back: {reason}"
            node = turn.put(node, doubted=True)
            turn.ledger[position] = replace(effect, unsure=True)
            _page_if_borrowed(turn, node, effect, text)
    turn.note(kind, text, step=effect.step)
    return turn.put(turn.nodes[node.path], undo_queue=node.undo_queue[1:], key="", back_lost="")


def _settle_doubt(turn: Turn, back: Effected) -> None:
    """Whether what was in doubt had been made or not: it is not in place now."""
    for effect in turn.ledger:
        if effect.doubtful and back.step in (effect.step, effect.part_of):
            node = turn.nodes[effect.step]
            phase = Phase.FAILED if node.phase is Phase.IN_DOUBT else node.phase
            turn.put(node, doubted=False, phase=phase)


def _settle_around(turn: Turn, back: Effected) -> None:
    """Those around whose attempt to take it back had an end that nobody knew: it is back now."""
    if turn.given.revision < 2:
        return
    step = turn.nodes[back.step]
    for around in (step, *turn.around(step)):
        if not around.doubted or not turn.children(around):
            continue
        unsure = any(effect.unsure and _is_inside(turn, effect, around) for effect in turn.ledger)
        inside = any(each.doubted or each.phase is Phase.IN_DOUBT for each in turn.inner(around))
        if not unsure and not inside:
            phase = Phase.FAILED if around.phase is Phase.IN_DOUBT else around.phase
            turn.put(around, doubted=False, phase=phase)


def _settled(
    node: Node, event: ActionSucceeded | ActionFailed | ActionLost
) -> ActionSucceeded | ActionFailed | ActionLost:
    """What the check says about a way back whose end nobody knew. That the change is still in place does not
    tell: the way back may not have begun, or may still be on its way."""
    if isinstance(event, ActionSucceeded):
        return event
    reason = f"{node.back_lost}; its check does not settle it: {event.reason}"
    return ActionLost(event.at, event.key, reason)


def _page_if_borrowed(turn: Turn, node: Node, effect: Effected, text: str) -> None:
    """Nobody is asked about what comes back by itself, so somebody must hear that it did not."""
    if turn.given.revision >= 2 and effect.reverts is not None and node.end is not None:
        turn.page_about(node, IC, f"not put back: {text}")


def _mark_parts(turn: Turn, block: Effected) -> None:
    """What a block's own way back has taken back with it."""
    for position, effect in enumerate(turn.ledger):
        if effect.part_of and effect.part_of == block.step and not effect.undone:
            turn.ledger[position] = replace(effect, undone=True)


def _next(turn: Turn, node: Node) -> None:
    """A way back is a change too: a pause or a hold may keep it."""
    if not node.undo_queue:
        _ended(turn, node)
        return
    turn.put(node, phase=Phase.UNDOING, key="")
    turn.post(node.path, TakeBack())


def take_back(turn: Turn, node: Node, _: TakeBack) -> None:
    """The next way back may begin."""
    while node.undo_queue and _is_by_hand(turn.ledger[node.undo_queue[0]]):
        node = _leave_to_people(turn, node)
    if not node.undo_queue:
        _ended(turn, node)
        return
    effect = turn.ledger[node.undo_queue[0]]
    assert effect.undo is not None
    task = _task(turn, effect)
    text = f"undo {effect.step} {effect.target}".rstrip()
    key = turn.run_action(node, task, text[:200], deadline(task), _tries(turn, task))
    turn.put(node, phase=Phase.UNDOING, key=key)


def _task(turn: Turn, effect: Effected) -> ActionTask:
    """The way back of `effect`, and how it is seen that it was gone. Whether the change is still in place is
    asked before only if an earlier attempt at this may have brought it back: half a change has to go too."""
    assert effect.undo is not None
    timeout = turn.step(turn.nodes[effect.step]).timeout
    task = ActionTask(step=effect.step, call=effect.undo, effect="change", timeout=timeout)
    if effect.gone is None:
        return task
    done = replace(effect.gone, after_only=not looks_first(effect), names={})
    return replace(task, done=done, scope=effect.gone.names)


def _tries(turn: Turn, task: ActionTask) -> int:
    """A way back whose worker dies is found by another, where its target knows it."""
    found = turn.given.revision >= 2 and task.call.action in REATTACHED
    return READ_TRIES if found else 1


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
    if turn.aborting:
        stopping.end_run(turn)
        return
    if node.end is not None:
        _ended_putting_back(turn, node, node.end)
        return
    mine = [
        effect for effect in turn.ledger if _is_inside(turn, effect, node) and not _is_of_block(turn, effect)
    ]
    back = sum(effect.undone for effect in mine)
    if back == len(mine):
        text = f"{node.note}; all {back} changes were taken back" if mine else node.note
    else:
        text = f"{node.note}; {back} of {len(mine)} changes were taken back"
        if turn.given.revision >= 2 and (stops := _barrier(mine)):
            # What is left behind it is the commander's to decide on.
            text += stops
            turn.page_about(node, IC, text)
    inside = (node, *turn.inner(node))
    unknown = any(each.doubted or each.phase is Phase.IN_DOUBT for each in inside)
    finish.settle(turn, node, Phase.IN_DOUBT if unknown else Phase.FAILED, text)


def _ended_putting_back(turn: Turn, node: Node, end: Phase) -> None:
    """Something that was borrowed and did not come back is a failure, however well all else went."""
    away = [turn.ledger[position] for position in ledger.due(turn, node)]
    if turn.given.revision >= 2:
        # Who puts something back by hand has been told, and the run does not wait for it.
        away = [effect for effect in away if not _is_by_hand(effect)]
    node = turn.put(node, end=None)
    if not away:
        # All has come back by now, so an earlier attempt at it whose end nobody knew is settled.
        node = turn.put(node, doubted=node.doubted and not turn.children(node))
        finish.end(turn, node, end, node.note)
        return
    told = ", ".join(f"`{effect.command}` {effect.target}".rstrip() for effect in away[:3])
    note = f"{node.note}; not put back: {told}".removeprefix("; ")
    worst = Phase.IN_DOUBT if node.doubted else Phase.FAILED
    finish.end(turn, node, end if end in (Phase.IN_DOUBT, Phase.ABORTED) else worst, note)
