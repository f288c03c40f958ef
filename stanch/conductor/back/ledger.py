"""The ledger: what was changed, how it goes back, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from stanch.conductor.approval.preview import command_of, target_of
from stanch.conductor.back.returning import later
from stanch.conductor.events import ActionFailed
from stanch.conductor.state import ROOT, Node
from stanch.conductor.steps import finish
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Effected
from stanch.errors import EvaluationError
from stanch.language.evaluate import referenced, render
from stanch.language.plan import Call, Check

_REASON = 300
"""Characters of why a change is not complete; the timeline has all of it."""


def enter(turn: Turn, node: Node, *, doubtful: bool = False, incomplete: str = "") -> None:
    """The change of `node` is complete, or `doubtful` and to be taken back all the same, or `incomplete` for
    that reason. A block with a way back of its own takes the place of its steps'."""
    step, task = turn.step(node), node.tasks[0]
    outliving, reads = later(turn, node)
    block = block_with_undo(turn, node)
    if block is not None:
        _enter_block(turn, block, doubtful=doubtful)
    effect = Effected(
        step=node.path,
        target=target_of(task.call),
        command=command_of(task.call),
        at=turn.at,
        undo=undo_of(turn, node) if block is None or step.revert is not None else None,
        irreversible=turn.text(node, step.irreversible or ""),
        reverts=_reverts(turn, node),
        part_of=block.path if block is not None else "",
        later=outliving,
        reads=reads,
        gone=_gone(turn, task),
        locks=tuple(dict.fromkeys(name for each in turn.around(node) for name in each.locks)),
        doubtful=doubtful,
        incomplete=incomplete[:_REASON],
    )
    if (begun := _begun(turn, node)) is None:
        turn.record(effect)
    else:
        # The same change once more: it has one way back, and goes it once.
        before = turn.ledger[begun]
        known = effect.incomplete or (before.incomplete if doubtful else "")
        turn.ledger[begun] = replace(effect, undo=effect.undo or before.undo, incomplete=known)


def _begun(turn: Turn, node: Node) -> int | None:
    """Position of an attempt at the change of `node` that was not complete, or that nobody knows of, and is
    not taken back."""
    for position, effect in enumerate(turn.ledger):
        if effect.step == node.path and not effect.undone and (effect.incomplete or effect.doubtful):
            return position
    return None


def enter_unknown(turn: Turn, doubtful: Sequence[Node]) -> None:
    """The run ends, and nobody knows whether the changes of `doubtful` were made. Those with a way back are
    listed where they belong in time, so that whoever finds out can still have them taken back; none of them
    comes back by itself."""
    if turn.given.revision < 2:
        return
    for node in doubtful:
        step = turn.step(node)
        known = any(effect.step == node.path and not effect.undone for effect in turn.ledger)
        if known or step.effect != "change" or step.irreversible or way_back(turn, node) is None:
            continue
        before = len(turn.ledger)
        enter(turn, node, doubtful=True)
        at = node.sent or turn.at
        lines = [replace(each, at=at, reverts=None, later=None) for each in turn.ledger[before:]]
        earlier = (place for place in range(before) if turn.ledger[place].at > at)
        place = next(earlier, before)
        turn.ledger[:] = (*turn.ledger[:place], *lines, *turn.ledger[place:before])


def enter_incomplete(turn: Turn, node: Node, event: ActionFailed) -> Node:
    """The change of `node` has failed, and was executed all the same, on some of its targets or on all: it is
    taken back like every other. What is found in place later is its work."""
    if turn.given.revision < 2 or turn.step(node).effect != "change":
        return node
    node = turn.put(told_back(turn, node, event.undo), strayed=True)
    enter(turn, node, incomplete=event.reason)
    return node


def is_incomplete(turn: Turn, node: Node) -> bool:
    """Whether an attempt at the change of `node` stands in the ledger as not complete."""
    begun = _begun(turn, node)
    return begun is not None and bool(turn.ledger[begun].incomplete)


def told_back(turn: Turn, node: Node, told: Call | None) -> Node:
    """Keep the way back that an action has told. What a second attempt tells is how the first one has left
    things, so what was there before that one stands."""
    return turn.put(node, back=node.back or told)


def _gone(turn: Turn, task: ActionTask) -> Check | None:
    """How it is seen that the change is not in place any more, fixed now."""
    done = task.done
    if done is None or turn.given.revision < 2:
        return None
    until = done.poll.until
    poll = replace(done.poll, until=f"!({until})", worse="")
    return Check(done.call, poll, after_only=True, names=referenced([until], task.scope))


def undo_of(turn: Turn, node: Node) -> Call | None:
    """The way back, fixed now: it may read what the change itself returned. Where the author wrote none, it
    is that of the action itself."""
    try:
        return _rendered(turn, node)
    except EvaluationError as error:
        turn.note("problem", f"the way back cannot be written down: {error}", step=node.path)
        return None


def _rendered(turn: Turn, node: Node) -> Call | None:
    """Raises EvaluationError."""
    step = turn.step(node)
    if step.undo is None:
        return node.back
    outputs = finish.outputs_of(turn, node, step, lenient=True)
    scope = finish.own_scope(turn, replace(node, outputs=outputs))
    return replace(step.undo, params=render(step.undo.params, scope))


def way_back(turn: Turn, node: Node) -> Call | None:
    """What would take the change of `node` back now, were it in the ledger: its own way back, or that of the
    block around it. None where there is none, or where it reads what nobody knows."""
    block = block_with_undo(turn, node)
    if block is not None and turn.step(node).revert is None:
        return _undo_so_far(turn, block)
    try:
        return _rendered(turn, node)
    except EvaluationError:
        return None


def due(turn: Turn, node: Node) -> tuple[int, ...]:
    """Positions of what was borrowed until the end of `node` and is still away, newest first."""
    if not turn.inside_of.get(node.path):
        # Nothing is borrowed until the end of a single step, and most nodes are one.
        return ()
    return tuple(
        position
        for position in range(len(turn.ledger) - 1, -1, -1)
        if (effect := turn.ledger[position]).reverts == node.path and not effect.undone and effect.undo
    )


def _around(turn: Turn, node: Node) -> Iterator[Node]:
    """The blocks, rounds and children around `node`, from the inside out; the run last."""
    return (each for each in turn.around(node) if not turn.is_loop(each))


def block_with_undo(turn: Turn, node: Node) -> Node | None:
    """The outermost block around the node that has a way back of its own."""
    found = None
    for block in _around(turn, node):
        if block.path and turn.step(block).undo is not None and turn.step(block).call is None:
            found = block
    return found


def refresh(turn: Turn, node: Node) -> None:
    """What `node` has given may be what the way back of the block around it needs."""
    if turn.step(node).call is not None and (block := block_with_undo(turn, node)) is not None:
        position = line_of(turn, block)
        if position is not None and (undo := _undo_so_far(turn, block)) is not None:
            turn.ledger[position] = replace(turn.ledger[position], undo=undo)


def readdress(turn: Turn, inside: set[str], node: Node) -> None:
    """What was borrowed until the end of a node of `inside` comes back at the end of `node` instead."""
    for position, effect in enumerate(turn.ledger):
        if effect.reverts in inside and not effect.undone:
            turn.ledger[position] = replace(effect, reverts=node.path)


def _enter_block(turn: Turn, block: Node, *, doubtful: bool) -> None:
    """Before its first change; its way back is filled in as soon as all that it reads is known."""
    if (line := line_of(turn, block)) is not None:
        known = turn.ledger[line].doubtful and doubtful
        turn.ledger[line] = replace(turn.ledger[line], doubtful=known)
    else:
        turn.record(
            Effected(
                step=block.path,
                target="",
                command=turn.title(block),
                at=turn.at,
                undo=_undo_so_far(turn, block),
                reverts=_reverts(turn, block),
                doubtful=doubtful,
            )
        )


def line_of(turn: Turn, block: Node) -> int | None:
    lines = (at for at, known in enumerate(turn.ledger) if known.step == block.path and not known.undone)
    return next(lines, None)


def _undo_so_far(turn: Turn, block: Node) -> Call | None:
    undo = turn.step(block).undo
    try:
        return undo and replace(undo, params=render(undo.params, turn.scope(block)))
    except EvaluationError:
        return None


def _reverts(turn: Turn, node: Node) -> str | None:
    """Path of the node at whose end the change comes back."""
    revert = turn.step(node).revert
    if revert is None or revert.at not in ("end_of_block", "end_of_run"):
        return None
    if revert.at == "end_of_run":
        return node.frame or ROOT
    return next(_around(turn, node)).path
