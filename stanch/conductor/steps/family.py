"""Between a parent and its children: batches of a fan-out, the steps of a block."""

from __future__ import annotations

from stanch.conductor.back import stopping, undoing
from stanch.conductor.claims import budget
from stanch.conductor.commands import CancelAction
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded, ChildEnded, TimerFired
from stanch.conductor.state import Node, Phase
from stanch.conductor.steps import finish
from stanch.conductor.turn import Turn
from stanch.errors import EvaluationError
from stanch.language.batches import may_fail, size_of
from stanch.language.duration import format_duration
from stanch.language.evaluate import show
from stanch.language.plan import ForEach, Step

_BAD = (Phase.FAILED, Phase.IN_DOUBT)
_ENDS = (Phase.REFUSED, Phase.DENIED, Phase.ABORTED)
"""Ends of an item that end its fan-out in the same way."""


def child_ended(turn: Turn, node: Node, event: ChildEnded) -> None:
    child = turn.nodes[event.path]
    if child.item is not None:
        _item_ended(turn, node, turn.step(node))
    else:
        _step_ended(turn, node, turn.children(node) if turn.step(node).parallel else [child])


def go_on(turn: Turn, node: Node) -> None:
    """A block's or child's next step that has not been done, or (`parallel`) all of them; or its end."""
    steps, at_once = _steps(turn, node), turn.step(node).parallel
    for at in range(node.opened, len(steps)):
        child = turn.nodes.get(turn.child_path(node, steps[at].id))
        if child is not None and not to_repeat(turn, child):
            continue
        node = turn.put(node, opened=at + 1)
        if child is None:
            turn.open_child(node, steps[at].id)
        else:
            turn.repeat(child)
        if not at_once:
            return
    if turn.all_ended(node):
        finish.complete(turn, node)


def to_repeat(turn: Turn, child: Node) -> bool:
    """Whether the node has to be done (again): it failed and that was not accepted, was stopped, or was taken
    back."""
    accepted = child.item is None and turn.step(child).on_failure == "continue"
    failed = child.phase in _BAD and not accepted
    if turn.given.revision >= 2 and child.item is not None:
        failed = failed or child.phase is Phase.REFUSED
    return failed or child.phase is Phase.ABORTED or undoing.taken_back(turn, child)


def _steps(turn: Turn, node: Node) -> tuple[Step, ...]:
    step = turn.step(node)
    return turn.book.root(step.child.runbook).steps if step.child else step.steps


def _step_ended(turn: Turn, node: Node, ended: list[Node]) -> None:
    """A step of a block ended, or all that ran at once: go on, or end the block as they ended."""
    against = [child for child in ended if not _goes_on(turn, child)]
    if not against:
        go_on(turn, node)
        return
    bad = [child for child in against if child.phase in _BAD]
    if bad:
        doubtful = any(child.phase is Phase.IN_DOUBT for child in bad)
        finish.fail(turn, node, "; ".join(child.note for child in bad), in_doubt=doubtful)
    else:
        finish.settle(turn, node, against[0].phase, against[0].note)


def _goes_on(turn: Turn, child: Node) -> bool:
    bad = (*_BAD, Phase.REFUSED) if turn.given.revision >= 2 else _BAD
    return child.phase in (Phase.SUCCEEDED, Phase.SKIPPED) or (
        child.phase in bad and turn.step(child).on_failure == "continue"
    )


def start_batch(turn: Turn, node: Node) -> None:
    """Let the next batch of a fan-out loose."""
    refuse_too_much(turn, len(node.items))
    under_way = sum(turn.nodes[path].item is not None for path in turn.live)
    size = batch_size(turn.step(node), node.batch, len(node.items))
    size = min(size, max(MOST_AT_ONCE - under_way, 1))
    batch, todo = node.todo[:size], node.todo[size:]
    node = turn.put(node, phase=Phase.RUNNING, key="", todo=todo, batch=node.batch + 1)
    for item in batch:
        if (child := turn.nodes.get(turn.child_path(node, node.step, item))) is not None:
            turn.repeat(child)
        else:
            turn.open_child(node, node.step, item=item)


MOST_AT_ONCE = 1000
"""Rounds of all loops that run at the same time; a Temporal workflow may wait for 2,000 activities."""


MOST_NODES = 20_000
"""Steps and rounds of one run: a history ends at 51,200 events, and each costs some."""


def refuse_too_much(turn: Turn, more: int) -> None:
    """A run that grows without bound would hang where nobody can end it well. Raises EvaluationError."""
    if len(turn.nodes) + more > MOST_NODES:
        raise EvaluationError(f"a run has at most {MOST_NODES:,} steps and rounds, and this would be more")


def batch_size(step: Step, batch: int, total: int) -> int:
    """Items in batch number `batch` (from 0). Without `batches`, reads go all at once, changes one by one."""
    if step.for_each is None or not step.for_each.batches:
        return total if step.effect == "read" else 1
    return size_of(step.for_each, batch, total)


def _item_ended(turn: Turn, node: Node, step: Step) -> None:
    """The last item of a batch ended: count the failures, then see whether it helped, and go on."""
    assert step.for_each is not None
    most = may_fail(step.for_each, len(node.items))
    # What failed before a retry and is still to be repeated has not failed yet.
    bad = [child for child in turn.children(node, *_BAD) if child.item not in node.todo]
    waiting = node.todo if turn.given.revision >= 2 else ()
    ends = (child for phase in _ENDS for child in turn.children(node, phase) if child.item not in waiting)
    ended = next(ends, None)
    if turn.given.revision >= 2 and ended is not None and ended.phase is Phase.REFUSED:
        # As many rounds as may fail may also be refused, and the others go on.
        refused = [child for child in turn.children(node, Phase.REFUSED) if child.item not in node.todo]
        if len(bad) + len(refused) <= most:
            bad, ended = [*bad, *refused], None
    # How many may fail does not tell how many nobody may know of.
    asks = ended is not None or turn.given.revision >= 2
    hidden = asks and any(child.phase is Phase.IN_DOUBT for child in bad)
    if len(bad) > most or hidden:
        _fan_failed(turn, node, bad, len(turn.children(node)))
    elif ended is not None:
        finish.settle(turn, node, ended.phase, ended.note)
    elif node.todo and step.verify and step.verify.each_batch:
        finish.verify(turn, finish.store(turn, node, {"results": finish.results(turn, node)}))
    elif node.todo:
        _next_batch(turn, node, step.for_each)
    else:
        note = f"{len(bad)} of {len(node.items)} failed, which is within `max_failures`" if bad else ""
        finish.complete(turn, turn.put(node, note=note))


def _next_batch(turn: Turn, node: Node, loop: ForEach) -> None:
    budget.give_back_batch(turn, node)
    if loop.pause > 0:
        done = len(node.items) - len(node.todo)
        text = f"{node.path}: pause before the next batch ({done} of {len(node.items)} done)"
        turn.put(node, phase=Phase.PAUSING, key=turn.start_timer(node, loop.pause, text))
    else:
        start_batch(turn, node)


def verified(turn: Turn, node: Node, event: ActionSucceeded) -> None:
    """It helped. Of a batch: the next one begins."""
    if is_between_batches(turn, node):
        _batch_verified(turn, node)
    else:
        finish.verified(turn, node, event)


def not_verified(turn: Turn, node: Node, event: ActionFailed | ActionLost) -> None:
    """It did not help. Of a batch: those that follow are left alone."""
    if not is_between_batches(turn, node):
        finish.not_verified(turn, node, event)
    elif node.waived or node.halting:
        _batch_verified(turn, node)
    else:
        left = f"{len(node.todo)} of {len(node.items)} not touched"
        finish.fail(turn, turn.put(node, key=""), f"it did not help: {event.reason}; {left}")


def is_between_batches(turn: Turn, node: Node) -> bool:
    """Whether what is verified is a batch of a loop, with others behind it."""
    return turn.is_loop(node) and bool(node.todo)


def _batch_verified(turn: Turn, node: Node) -> None:
    loop = turn.step(node).for_each
    assert loop is not None
    if node.halting:
        finish.fail(turn, turn.put(node, key="", halting=""), node.halting)
        return
    if node.waived:
        turn.note("ordered", f"the verification of this batch was {node.waived}", step=node.path)
    _next_batch(turn, turn.put(node, key="", verifying=False, waived=""), loop)


def limit_in_verification(turn: Turn, node: Node, _: TimerFired) -> None:
    """The loop's time runs out while a batch is verified: that is stopped, and its end is awaited."""
    reason = _took_too_long(turn.step(node))
    turn.note("problem", reason, step=node.path)
    turn.commands.append(CancelAction(node.key))
    turn.put(node, limit="", due=0.0, halting=reason)


def _fan_failed(turn: Turn, node: Node, bad: list[Node], begun: int) -> None:
    # What the rounds gave that went well can be read, where the run goes on.
    node = finish.store(turn, node, {"results": finish.results(turn, node)})
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


def timer_fired(turn: Turn, node: Node, event: TimerFired) -> None:
    """A pause is over: the next batch, or the end of a `wait`. Or the whole has taken too long."""
    if event.key == node.limit:
        limit_reached(turn, node, event)
        return
    node = turn.put(node, key="")
    if turn.is_loop(node):
        start_batch(turn, node)
    else:
        finish.complete(turn, node)


def _took_too_long(step: Step) -> str:
    return f"`{step.id}` took longer than {format_duration(step.limit)}"


def limit_reached(turn: Turn, node: Node, _: TimerFired) -> None:
    """What is in it is stopped; the ends of its actions are awaited, so that they can be told."""
    reason = _took_too_long(turn.step(node))
    turn.note("problem", reason, step=node.path)
    stopping.halt(turn, turn.put(node, limit="", due=0.0), reason)
