"""Between a parent and its children: batches of a fan-out, the steps of a block."""

from __future__ import annotations

from stanch.conductor import finish
from stanch.conductor.again import go_on
from stanch.conductor.begin import start_batch
from stanch.conductor.events import ChildEnded, TimerFired
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn
from stanch.language.evaluate import show
from stanch.language.plan import Step

_BAD = (Phase.FAILED, Phase.IN_DOUBT)
_ENDS = (Phase.REFUSED, Phase.DENIED, Phase.ABORTED)
"""Ends of an item that end its fan-out in the same way."""


def child_ended(turn: Turn, node: Node, event: ChildEnded) -> None:
    child = turn.nodes[event.path]
    step = turn.step(node)
    if child.item is not None:
        _item_ended(turn, node, step)
    else:
        _step_ended(turn, node, child)


def _step_ended(turn: Turn, node: Node, child: Node) -> None:
    """A step of a block ended: go on with the next one, or end the block as the step ended."""
    goes_on = child.phase in (Phase.SUCCEEDED, Phase.SKIPPED) or (
        child.phase in _BAD and turn.step(child).on_failure == "continue"
    )
    if not goes_on:
        if child.phase in _BAD:
            finish.fail(turn, node, child.note, in_doubt=child.phase is Phase.IN_DOUBT)
        else:
            finish.settle(turn, node, child.phase, child.note)
    else:
        go_on(turn, node)


def _item_ended(turn: Turn, node: Node, step: Step) -> None:
    """The last item of a batch ended: count the failures, then pause and go on."""
    assert step.for_each is not None
    children = turn.children(node)
    # What failed before a retry and is still to be repeated has not failed yet.
    bad = [child for child in children if child.phase in _BAD and child.item not in node.todo]
    ends = (child for phase in _ENDS for child in children if child.phase is phase)
    ended = next(ends, None)
    hidden = ended is not None and any(child.phase is Phase.IN_DOUBT for child in bad)
    if len(bad) > step.for_each.max_failures or hidden:
        _fan_failed(turn, node, bad, len(children))
    elif ended is not None:
        finish.settle(turn, node, ended.phase, ended.note)
    elif node.todo:
        if step.for_each.pause > 0:
            done = len(node.items) - len(node.todo)
            text = f"{node.path}: pause before the next batch ({done} of {len(node.items)} done)"
            turn.put(node, phase=Phase.PAUSING, key=turn.start_timer(node, step.for_each.pause, text))
        else:
            start_batch(turn, node)
    else:
        note = f"{len(bad)} of {len(node.items)} failed, which is within `max_failures`" if bad else ""
        finish.complete(turn, turn.put(node, note=note))


def _fan_failed(turn: Turn, node: Node, bad: list[Node], begun: int) -> None:
    doubtful = sum(child.phase is Phase.IN_DOUBT for child in bad)
    told = [
        f"{count} of {len(node.items)} {how}"
        for count, how in ((len(bad) - doubtful, "failed"), (doubtful, "in doubt"))
        if count
    ]
    untouched = len(node.items) - begun
    rest = f"; {untouched} not touched" if untouched else ""
    reasons = "; ".join(dict.fromkeys(_reason(node, child) for child in bad[:3]))
    finish.fail(turn, node, f"{', '.join(told)}{rest}: {reasons}", in_doubt=doubtful > 0)


def _reason(node: Node, child: Node) -> str:
    """Why an item failed, and which: some actions name their target, a worker that dies does not."""
    item = show(node.items[child.item or 0])[:120]
    return child.note if item in child.note else f"{item}: {child.note}"


def timer_fired(turn: Turn, node: Node, _: TimerFired) -> None:
    """A pause is over: the next batch, or the end of a `wait`."""
    node = turn.put(node, key="")
    if node.item is None and turn.step(node).for_each:
        start_batch(turn, node)
    else:
        finish.complete(turn, node)
