"""What will be executed is rendered before anybody is asked: afterwards nothing in it can change."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask
from stanch.errors import EvaluationError
from stanch.language.evaluate import Scope, referenced, render
from stanch.language.plan import Check, Step


def prepare(turn: Turn, node: Node, step: Step) -> Node:
    """Freeze the node's work and, of a loop, its items. Raises EvaluationError."""
    scope = turn.scope(node)
    if step.for_each is None:
        return turn.put(node, tasks=(make_task(step, node.path, scope),) if step.call else ())
    items = render(step.for_each.items, scope)
    if not isinstance(items, list):
        raise EvaluationError(f"`for_each.in` of `{step.id}` gives {items!r}, which is not a list")
    _refuse_too_many(step.id, "items", len(items), step.for_each.most)
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
    params = render(step.call.params, scope)
    if isinstance(hosts := params.get("hosts"), list):
        _refuse_too_many(step.id, "targets", len(hosts), step.most_targets)
    read = [poll.until for poll in (step.poll, step.done.poll if step.done else None) if poll]
    read += step.keep.values()
    return ActionTask(
        step=path,
        call=replace(step.call, params=params),
        effect=step.effect,
        timeout=step.timeout,
        poll=step.poll,
        done=_render_check(step.done, scope) if step.done else None,
        scope=referenced(read, scope) if read else {},
        keep=step.keep,
    )


def _refuse_too_many(step: str, what: str, there: int, most: int) -> None:
    """An approval was given for at most so many. Raises EvaluationError."""
    if most and there > most:
        raise EvaluationError(f"`{step}` has {there} {what}, and its author allows {most} at most")


def _render_check(check: Check, scope: Scope) -> Check:
    return replace(check, call=replace(check.call, params=render(check.call.params, scope)))
