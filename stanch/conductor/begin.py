"""Downwards: a node's turn comes, its conditions are checked, its work is prepared and let loose."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import asking, finish
from stanch.conductor.act import act
from stanch.conductor.events import Cleared, Entered
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn, child_path
from stanch.contract import ActionTask
from stanch.errors import EvaluationError
from stanch.language.duration import parse_duration
from stanch.language.evaluate import Scope, holds, referenced, render, show
from stanch.language.plan import Check, Json, Step


def entered(turn: Turn, node: Node, _: Entered) -> None:
    """Skip, refuse, ask, or go on."""
    step = turn.step(node)
    if node.item is not None:
        parent = turn.nodes[node.parent or ""]
        tasks = parent.tasks[node.item : node.item + 1]
        turn.put(node, phase=Phase.READY, tasks=tasks)
        turn.post(node.path, Cleared())
        return
    if step.when and not holds(step.when, turn.scope(node)):
        finish.settle(turn, node, Phase.SKIPPED, f"`{step.when}` does not hold")
        return
    if unmet := finish.unmet(turn, node, step, after=False):
        finish.settle(turn, node, Phase.REFUSED, unmet)
        return
    if node.path and (step.call or step.wait or step.for_each):
        turn.note("step_started", step.title or step.id, step=node.path)
    node = _prepare(turn, node, step)
    if step.for_each and not node.items:
        _nothing_to_do(turn, node, step)
    elif step.approval and not node.covered and not node.approved:
        asking.ask_approval(turn, node, step.approval)
    else:
        turn.put(node, phase=Phase.READY)
        turn.post(node.path, Cleared())


def cleared(turn: Turn, node: Node, _: Cleared) -> None:
    """Nothing stands in the way any more: one last look at the preconditions, then begin."""
    step = turn.step(node)
    if node.item is None and (unmet := finish.unmet(turn, node, step, after=False)):
        finish.settle(turn, node, Phase.REFUSED, unmet)
    elif node.item is None and step.for_each:
        start_batch(turn, node)
    elif step.steps:
        turn.put(node, phase=Phase.RUNNING, opened=1)
        turn.open_child(node, step.steps[0].id)
    elif step.wait is not None:
        seconds = _seconds(render(step.wait, turn.scope(node)))
        key = turn.start_timer(node, seconds, f"{node.path}: wait {step.wait}")
        turn.put(node, phase=Phase.PAUSING, key=key)
    elif node.tasks:
        act(turn, node, step, node.tasks[0])
    else:
        finish.complete(turn, node)


def start_batch(turn: Turn, node: Node) -> None:
    """Let the next batch of a fan-out loose."""
    size = batch_size(turn.step(node), node.batch, len(node.items))
    batch, todo = node.todo[:size], node.todo[size:]
    node = turn.put(node, phase=Phase.RUNNING, key="", todo=todo, batch=node.batch + 1)
    for item in batch:
        if (child := turn.nodes.get(child_path(node, node.step, item))) is not None:
            turn.repeat(child)
        else:
            turn.open_child(node, node.step, item=item)


def batch_size(step: Step, batch: int, total: int) -> int:
    """Items in batch number `batch` (from 0). Without `batches`, reads go all at once, changes one by one."""
    batches = step.for_each.batches if step.for_each else ()
    if not batches:
        return total if step.effect == "read" else 1
    size = batches[min(batch, len(batches) - 1)]
    if isinstance(size, int):
        return max(size, 1)
    return max(1, -(-total * int(size.removesuffix("%")) // 100))


def _prepare(turn: Turn, node: Node, step: Step) -> Node:
    """Render what will be executed, before anybody is asked: afterwards nothing in it can change."""
    scope = turn.scope(node)
    if step.for_each is None:
        return turn.put(node, tasks=(make_task(step, node.path, scope),) if step.call else ())
    items = render(step.for_each.items, scope)
    if not isinstance(items, list):
        raise EvaluationError(f"`for_each.in` of `{step.id}` gives {items!r}, which is not a list")
    tasks = (
        tuple(
            make_task(step, f"{node.path}[{at}]", {**scope, step.for_each.name: item})
            for at, item in enumerate(items)
        )
        if step.call
        else ()
    )
    return turn.put(node, items=tuple(items), tasks=tasks, todo=tuple(range(len(items))))


def make_task(step: Step, path: str, scope: Scope) -> ActionTask:
    """The step's action, complete and rendered. Raises EvaluationError."""
    assert step.call is not None
    until = [poll.until for poll in (step.poll, step.done.poll if step.done else None) if poll]
    return ActionTask(
        step=path,
        call=replace(step.call, params=render(step.call.params, scope)),
        effect=step.effect,
        timeout=step.timeout,
        poll=step.poll,
        done=render_check(step.done, scope) if step.done else None,
        scope=referenced(until, scope) if until else {},
    )


def render_check(check: Check, scope: Scope) -> Check:
    return replace(check, call=replace(check.call, params=render(check.call.params, scope)))


def _nothing_to_do(turn: Turn, node: Node, step: Step) -> None:
    if step.for_each and step.for_each.empty_ok:
        finish.settle(turn, node, Phase.SKIPPED, "there are no items")
    else:
        finish.fail(turn, node, f"`for_each` of `{step.id}` has no items; write `empty: ok` if that is fine")


_LONGEST_WAIT = 10 * 366 * 86400.0
"""Seconds; a Temporal timer takes more, but nobody means it."""


def _seconds(value: Json) -> float:
    try:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        seconds = float(value) if number else parse_duration(str(value))
    except (ValueError, OverflowError) as error:
        raise EvaluationError(str(error)) from error
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise EvaluationError(f"`wait` cannot be {show(value)[:80]}; it must be between 0s and ten years")
    return seconds
