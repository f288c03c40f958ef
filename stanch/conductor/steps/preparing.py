"""What will be executed is rendered before anybody is asked: afterwards nothing in it can change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stanch.conductor.approval.pace import no_targets, refuse_too_many
from stanch.conductor.claims import budget
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask
from stanch.contract.limits import TASK, in_words, size_of
from stanch.errors import EvaluationError
from stanch.language.evaluate import Scope, referenced, render
from stanch.language.plan import Check, Step


def prepare(turn: Turn, node: Node, step: Step) -> Node:
    """Freeze the node's work and, of a loop, its items. Raises EvaluationError: work without targets, or with
    more than its author allows, stops here, and nobody is asked about it."""
    scope = turn.scope(node)
    if step.for_each is None:
        own = (make_task(step, node.path, scope),) if step.call else ()
        _refuse(turn, step, own)
        return turn.put(node, tasks=own)
    items = render(step.for_each.items, scope)
    if not isinstance(items, list):
        raise EvaluationError(f"`for_each.in` of `{step.id}` gives {items!r}, which is not a list")
    refuse_too_many(step.id, "items", len(items), step.for_each.most)
    tasks = (
        tuple(
            make_task(step, f"{node.path}[{at}]", {**scope, step.for_each.name: item})
            for at, item in enumerate(items)
        )
        if step.call
        else ()
    )
    _refuse(turn, step, tasks)
    return turn.put(node, items=tuple(items), tasks=tasks, todo=tuple(range(len(items))))


def make_task(step: Step, path: str, scope: Scope) -> ActionTask:
    """The step's action, complete and rendered. Raises EvaluationError."""
    assert step.call is not None
    params = render(step.call.params, scope)
    if isinstance(hosts := params.get("hosts"), list):
        refuse_too_many(step.id, "targets", len(hosts), step.most_targets)
    read = [poll.until for poll in (step.poll, step.done.poll if step.done else None) if poll]
    read += step.keep.values()
    task = ActionTask(
        step=path,
        call=replace(step.call, params=params),
        effect=step.effect,
        timeout=step.timeout,
        poll=step.poll,
        done=_render_check(step.done, scope) if step.done else None,
        scope=referenced(read, {**scope, **step.done.names} if step.done else scope) if read else {},
        keep=step.keep,
    )
    if (size := size_of(task)) > TASK:
        raise EvaluationError(
            f"`{step.id}` would give `{step.call.action}` {in_words(size)}, and {in_words(TASK)} is the "
            "most; let the action fetch so much itself, or split it"
        )
    return task


def _refuse(turn: Turn, step: Step, tasks: Sequence[ActionTask]) -> None:
    """What cannot be carried out is noticed before somebody has approved it. Raises EvaluationError."""
    if turn.given.revision < 2:
        return
    for task in tasks:
        if task.call.params.get("hosts") == []:
            raise EvaluationError(no_targets(task.step))
    budget.refuse_tasks(turn, step, tasks)


def _render_check(check: Check, scope: Scope) -> Check:
    return replace(check, call=replace(check.call, params=render(check.call.params, scope)))
