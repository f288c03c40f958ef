"""What an approval lets happen, as far as that is known when the question is put.

A step of its own is prepared by then, and what is shown is what will be executed. The steps of a block come
later: each is rendered with what is known now, once for every item of its fan-out, and what only a step in
the block will tell is shown as its author wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stanch.conductor.preview import change_of
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Change
from stanch.errors import EvaluationError
from stanch.language.evaluate import holds, render
from stanch.language.plan import Call, Json, Step


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One change: as people read it, and complete, so that a digest can cover it."""

    change: Change
    task: ActionTask
    undo: Call | None


def foresee(turn: Turn, node: Node, step: Step) -> tuple[Foreseen, ...]:
    """Every change that an approval of `node` covers, in order."""
    names = [{step.for_each.name: item} for item in node.items] if step.for_each else [{}]
    if not node.tasks:
        return tuple(found for held in names for found in _inside(turn, node, step.steps, held))
    return tuple(
        _foreseen(task, _call(turn, node, step.undo, held))
        for task, held in zip(node.tasks, names, strict=True)
    )


def _inside(turn: Turn, node: Node, steps: Sequence[Step], names: Mapping[str, Json]) -> Iterator[Foreseen]:
    for step in steps:
        if _is_left_out(turn, node, step, names):
            continue
        for held in _each(turn, node, step, names):
            if step.effect == "change" and step.call:
                task = _task(turn, node, step, step.call, held)
                yield _foreseen(task, _call(turn, node, step.undo, held))
            yield from _inside(turn, node, step.steps, held)


def _foreseen(task: ActionTask, undo: Call | None) -> Foreseen:
    return Foreseen(change_of(task, undo), task, undo)


def _is_left_out(turn: Turn, node: Node, step: Step, names: Mapping[str, Json]) -> bool:
    """Whether it is certain by now that the step will not run."""
    try:
        return step.when is not None and not holds(step.when, turn.scope(node, **names))
    except EvaluationError:
        return False


def _each(turn: Turn, node: Node, step: Step, names: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """What each item of the step's fan-out sees; while the items are not known, what the block sees."""
    if step.for_each is None:
        return [names]
    try:
        items = render(step.for_each.items, turn.scope(node, **names))
    except EvaluationError:
        return [names]
    return [{**names, step.for_each.name: item} for item in items] if isinstance(items, list) else [names]


def _task(turn: Turn, node: Node, step: Step, call: Call, names: Mapping[str, Json]) -> ActionTask:
    done = step.done and replace(step.done, call=_rendered(turn, node, step.done.call, names))
    return ActionTask(
        step=step.id,
        call=_rendered(turn, node, call, names),
        effect=step.effect,
        timeout=step.timeout,
        done=done,
    )


def _call(turn: Turn, node: Node, call: Call | None, names: Mapping[str, Json]) -> Call | None:
    return call and _rendered(turn, node, call, names)


def _rendered(turn: Turn, node: Node, call: Call, names: Mapping[str, Json]) -> Call:
    """The call with what is known filled in; an expression over what is not known stays as it is written."""
    scope = turn.scope(node, **names)
    params: dict[str, Json] = {}
    for name, value in call.params.items():
        try:
            params[name] = render(value, scope)
        except EvaluationError:
            params[name] = value
    return replace(call, params=params)
