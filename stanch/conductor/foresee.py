"""What an approval lets happen, as far as that is known when the question is put.

A step of its own is prepared by then, and what is shown is what will be executed. The steps of a block come
later: each is rendered with what is known now, once for every item of its fan-out, and what only a step in
the block will tell is shown as its author wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from stanch.conductor.preview import change_of, revert_text
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Change
from stanch.errors import EvaluationError
from stanch.language.evaluate import holds, render
from stanch.language.plan import Call, Child, Json, Plan, Step, all_steps

Known: TypeAlias = Mapping[str, Json]
"""A scope in which what a later step will tell is still missing."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One change: as people read it, and complete, so that a digest can cover it."""

    change: Change
    task: ActionTask
    undo: Call | None


def foresee(turn: Turn, node: Node, step: Step) -> tuple[Foreseen, ...]:
    """Every change that an approval of `node` covers, in order."""
    scope = dict(turn.scope(node))
    if not node.tasks:
        scope = _settled(scope, step)
        outlook = _Outlook(turn.book.plans)
        return tuple(outlook.of_step(step, scope, turn.calling(node), node.items, _Back(child=node.runbook)))
    rounds = [{**scope, step.for_each.name: item} for item in node.items] if step.for_each else [scope]
    return tuple(
        _foreseen(task, step, held, _Back(child=node.runbook))
        for task, held in zip(node.tasks, rounds, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Back:
    """How a change goes back, as far as that is said around it and not by its own step."""

    child: str
    """The runbook that it belongs to; empty for the run's own."""
    undo: Call | None = None
    """Of the outermost block that has one; it takes the place of what is inside."""
    revert: str = ""

    def around(self, step: Step, scope: Known) -> _Back:
        """For what is inside of `step`."""
        if self.undo is not None or step.undo is None or step.call is not None:
            return self
        return replace(self, undo=_rendered(step.undo, scope), revert=_comes_back(step, scope, self.child))


def _comes_back(step: Step, scope: Known, child: str) -> str:
    return revert_text(step.revert, scope, child) if step.revert else ""


class _Outlook:
    """Walks what an approval covers, down through blocks, loops and children, with what is known so far."""

    def __init__(self, plans: Mapping[str, Plan]) -> None:
        self._plans = plans

    def of_step(
        self, step: Step, scope: Known, calling: frozenset[str], items: Sequence[Json], back: _Back
    ) -> Iterator[Foreseen]:
        """`items` are those of a loop that is known already, `calling` the runbooks that lead here: one that
        calls itself asks for itself."""
        for held in _rounds(step, scope, items):
            if step.effect == "change" and step.call is not None:
                yield _foreseen(_task(step, step.call, held), step, held, back)
            inner = back.around(step, held)
            yield from self._steps(step.steps, held, calling, inner)
            if step.child is not None and step.child.runbook not in calling:
                child = self._plans[step.child.runbook]
                inside = _child_scope(child, step.child, held)
                below = calling | {child.runbook}
                yield from self._steps(child.steps, inside, below, replace(inner, child=child.runbook))

    def _steps(
        self, steps: Sequence[Step], scope: Known, calling: frozenset[str], back: _Back
    ) -> Iterator[Foreseen]:
        for step in steps:
            if not _is_left_out(step, scope):
                yield from self.of_step(step, scope, calling, (), back)


def _settled(scope: Known, step: Step) -> dict[str, Json]:
    """What stays as it is until the steps inside have run: not the time, not the findings, and nothing of an
    earlier attempt at those steps."""
    inside = {inner.id for inner in all_steps(step.steps)}
    kept = {name: held for name, held in scope.items() if name != "run.now" and not _is_of(name, inside)}
    kept["steps"] = {name: held for name, held in scope["steps"].items() if name not in inside}
    kept["run"] = {name: held for name, held in scope["run"].items() if name != "findings"}
    return kept


def _is_of(name: str, steps: set[str]) -> bool:
    return name.startswith("steps.") and name.split(".")[1] in steps


def _child_scope(plan: Plan, child: Child, scope: Known) -> Known:
    """What is known inside of a child before it is called: of its inputs, those whose values are known."""
    inputs: dict[str, Json] = {
        name: schema["default"] for name, schema in plan.inputs.items() if "default" in schema
    }
    for name, value in child.inputs.items():
        try:
            inputs[name] = render(value, scope)
        except EvaluationError:
            inputs.pop(name, None)
    outside = {name: held for name, held in scope.items() if name == "run" or name.startswith("run.")}
    return {**outside, "inputs": inputs, "steps": {}}


def _foreseen(task: ActionTask, step: Step, scope: Known, back: _Back) -> Foreseen:
    """The change as it is shown with the way back that it will have, and complete with its step's own."""
    undo = step.undo and _rendered(step.undo, scope)
    if back.undo is not None:
        return Foreseen(change_of(task, back.undo, back.revert), task, undo)
    return Foreseen(change_of(task, undo, _comes_back(step, scope, back.child)), task, undo)


def _is_left_out(step: Step, scope: Known) -> bool:
    """Whether it is certain by now that the step will not run."""
    try:
        return step.when is not None and not holds(step.when, scope)
    except EvaluationError:
        return False


def _rounds(step: Step, scope: Known, items: Sequence[Json]) -> list[Known]:
    """What each round of the step's loop sees; while the items are not known, what the block sees."""
    if step.for_each is None:
        return [scope]
    found: Json = items
    if not items:
        try:
            found = render(step.for_each.items, scope)
        except EvaluationError:
            return [scope]
    if not isinstance(found, list | tuple):
        return [scope]
    return [{**scope, step.for_each.name: item} for item in found]


def _task(step: Step, call: Call, scope: Known) -> ActionTask:
    done = step.done and replace(step.done, call=_rendered(step.done.call, scope))
    return ActionTask(
        step=step.id,
        call=_rendered(call, scope),
        effect=step.effect,
        timeout=step.timeout,
        done=done,
    )


def _rendered(call: Call, scope: Known) -> Call:
    """The call with what is known filled in; an expression over what is not known stays as it is written."""
    params: dict[str, Json] = {}
    for name, value in call.params.items():
        try:
            params[name] = render(value, scope)
        except EvaluationError:
            params[name] = value
    return replace(call, params=params)
