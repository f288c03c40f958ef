"""What an approval lets happen, as far as that is known when the question is put.

A step of its own is prepared by then, and what is shown is what will be executed. The steps of a block come
later: each is rendered with what is known now, once for every item of its fan-out, and what only a step in
the block will tell is shown as late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from stanch.conductor.approval.binding import Back, Binding, Reached, bind
from stanch.conductor.approval.late import Known, expressions, is_late
from stanch.conductor.approval.pace import Pace, no_items, no_targets, refuse_too_many
from stanch.conductor.approval.preview import change_of, revert_text
from stanch.conductor.state import Node, folder
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Change
from stanch.errors import EvaluationError
from stanch.language.evaluate import Scope, holds, render
from stanch.language.plan import Call, Child, ForEach, Json, Plan, Step, all_steps
from stanch.language.template import sole_hole, split


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One change: as people read it, and complete, so that a digest can cover it."""

    change: Change
    task: ActionTask
    undo: Call | None
    bound: Binding | None = None
    """Of revision 2."""


def foresee(turn: Turn, node: Node, step: Step, loops: list[Pace] | None = None) -> tuple[Foreseen, ...]:
    """Every change that an approval of `node` covers, in order; `loops` gets the loops around them. Raises
    EvaluationError when it is known by now that one of them cannot begin."""
    if turn.given.revision >= 2:
        return tuple(_bound(reached, task) for reached, task in reach(turn, node, step, loops))
    return tuple(_first(reached, task) for reached, task in reach(turn, node, step))


def reach(
    turn: Turn, node: Node, step: Step, loops: list[Pace] | None = None
) -> Iterator[tuple[Reached, ActionTask | None]]:
    """Every change that belongs to `node`, in order, each with its task if that is prepared already. The
    loops that are gone through are appended to `loops`."""
    loops = [] if loops is None else loops
    scope = turn.scope(node)
    newer = turn.given.revision >= 2
    plan = turn.book.plans[node.runbook]
    back = _around(turn, node) if newer else Back(child=node.runbook)
    if not node.tasks:
        settled = _settled(scope, step, own=newer)
        # Without steps that are still to run nothing is late, as in revision 1.
        inside = frozenset(_ids((step,)) if newer else ())
        known = Known(settled, inside, most=_bounds(plan))
        outlook = _Outlook(turn.book.plans, loops, certain=newer)
        for reached in outlook.of_step(step, node.path, known, turn.calling(node), node.items, back):
            yield reached, None
        return
    if newer:
        scope = _settled(scope, step, own=True)
    known = Known(scope, frozenset({step.id}))
    back = back.around(step, known, node.path)
    if step.for_each is None or node.item is not None:
        yield Reached(step, node.path, known, back), node.tasks[0]
        return
    loops.append(Pace(step, node.path, len(node.items)))
    for at, (item, task) in enumerate(zip(node.items, node.tasks, strict=True)):
        yield Reached(step, f"{node.path}[{at}]", known.with_name(step.for_each.name, item), back), task


def _ids(steps: tuple[Step, ...]) -> Iterator[str]:
    return (inner.id for inner in all_steps(steps))


def _around(turn: Turn, node: Node) -> Back:
    """What the blocks around `node` say of the way back and of what shows that it helped."""
    line: list[Node] = []
    above = node.parent
    while above is not None:
        line.append(turn.nodes[above])
        above = line[-1].parent
    back = Back()
    for block in reversed(line):
        if block.path and not turn.is_loop(block):
            step = turn.step(block)
            inside = frozenset(_ids((step,)))
            back = back.around(step, Known(_settled(turn.scope(block), step, own=True), inside), block.path)
        back = replace(back, child=block.runbook)
    return replace(back, child=node.runbook)


class _Outlook:
    """Walks what an approval covers, down through blocks, loops and children, with what is known so far."""

    def __init__(self, plans: Mapping[str, Plan], loops: list[Pace], *, certain: bool) -> None:
        self._plans = plans
        self._loops = loops
        self._certain = certain
        """What is walked will run, and its failure will not be accepted."""

    def of_step(
        self,
        step: Step,
        path: str,
        known: Known,
        calling: frozenset[str],
        items: Sequence[Json],
        back: Back,
        most: int = 1,
    ) -> Iterator[Reached]:
        """`items` are those of a loop that is known already, `calling` the runbooks that lead here: one that
        calls itself asks for itself. `most` is how often all of this may happen at most; 0 is any number."""
        rounds = list(_rounds(step, path, known, items))
        if step.for_each is not None:
            self._loop(step, step.for_each, path, rounds)
        for where, held, often in rounds:
            times = most * often
            inner = back.around(step, held, where)
            if step.effect == "change" and step.call is not None:
                yield Reached(step, where, held, inner, times, self._certain)
            prefix = f"{where}." if step.for_each is not None else folder(where)
            yield from self._steps(step.steps, prefix, held, calling, inner, times)
            if step.child is not None and step.child.runbook not in calling:
                child = self._plans[step.child.runbook]
                inside = _child_known(child, step.child, held)
                below = calling | {child.runbook}
                inner = replace(inner, child=child.runbook)
                yield from self._steps(child.steps, f"{where}/", inside, below, inner, times)

    def _steps(
        self,
        steps: Sequence[Step],
        prefix: str,
        known: Known,
        calling: frozenset[str],
        back: Back,
        most: int,
    ) -> Iterator[Reached]:
        for step in steps:
            if not _is_left_out(step, known):
                outlook = self if self._is_sure_to_count(step, known) else self._uncertain()
                yield from outlook.of_step(step, prefix + step.id, known, calling, (), back, most)

    def _is_sure_to_count(self, step: Step, known: Known) -> bool:
        """Whether it runs for sure, and ends what is around it if it fails."""
        runs = step.when is None or is_late(step.when, known) is None
        return self._certain and runs and step.on_failure != "continue"

    def _uncertain(self) -> _Outlook:
        return _Outlook(self._plans, self._loops, certain=False)

    def _loop(self, step: Step, loop: ForEach, path: str, rounds: list[tuple[str, Known, int]]) -> None:
        """Note it. Raises EvaluationError for one that cannot begin: nobody needs to be asked then."""
        late = len(rounds) == 1 and rounds[0][0].endswith("[*]")
        count, most = (None, rounds[0][2]) if late else (len(rounds), 0)
        self._loops.append(Pace(step, path, count, most, self._certain))
        if self._certain and not late:
            refuse_too_many(step.id, "items", len(rounds), loop.most)
            if not rounds and not loop.empty_ok:
                raise EvaluationError(no_items(step.id))


def _settled(scope: Scope, step: Step, *, own: bool) -> dict[str, Json]:
    """What stays as it is until the steps inside have run: not the time, not the findings, and nothing of an
    earlier attempt at those steps, or (`own`) at `step` itself."""
    inside = {inner.id for inner in all_steps((step,) if own else step.steps)}
    kept = {name: held for name, held in scope.items() if name != "run.now" and not _is_of(name, inside)}
    kept["steps"] = {name: held for name, held in scope["steps"].items() if name not in inside}
    kept["run"] = {name: held for name, held in scope["run"].items() if name != "findings"}
    return kept


def _is_of(name: str, steps: set[str]) -> bool:
    return name.startswith("steps.") and name.split(".")[1] in steps


def _bounds(plan: Plan) -> dict[str, int]:
    """How many items a list may have at most that a person will give, or a caller."""
    found: dict[str, Json] = {}
    for name, schema in plan.inputs.items():
        found[f"inputs.{name}"] = schema.get("maxItems", 0)
    for step in all_steps(plan.steps):
        for name, schema in step.ask.fields.items() if step.ask else ():
            found[f"steps.{step.id}.{name}"] = schema.get("maxItems", 0)
    return {name: most for name, most in found.items() if isinstance(most, int) and most > 0}


def _child_known(plan: Plan, child: Child, known: Known) -> Known:
    """What is known inside of a child before it is called: of its inputs, those whose values are known."""
    inputs: dict[str, Json] = {
        name: schema["default"] for name, schema in plan.inputs.items() if "default" in schema
    }
    behind: dict[str, tuple[str, ...]] = {}
    for name, value in child.inputs.items():
        late = [each for cel in expressions(value) if (each := is_late(cel, known))]
        inputs.pop(name, None)
        if late:
            behind[f"inputs.{name}"] = tuple(dict.fromkeys(step for each in late for step in each.after))
            continue
        with suppress(EvaluationError):
            inputs[name] = render(value, known.scope)
    outside = {name: held for name, held in known.scope.items() if name == "run" or name.startswith("run.")}
    inside = frozenset(_ids(plan.steps) if known.inside else ())
    return Known({**outside, "inputs": inputs, "steps": {}}, inside, behind, _bounds(plan))


def _is_left_out(step: Step, known: Known) -> bool:
    """Whether it is certain by now that the step will not run."""
    if step.when is None or is_late(step.when, known) is not None:
        return False
    try:
        return not holds(step.when, known.scope)
    except EvaluationError:
        return False


def _rounds(step: Step, path: str, known: Known, items: Sequence[Json]) -> Iterator[tuple[str, Known, int]]:
    """The path of each round of the step's loop, what it sees, and how many rounds it stands for at most;
    while the items are not known, one stands for all."""
    loop = step.for_each
    if loop is None:
        yield path, known, 1
        return
    late = [] if items else [each for cel in expressions(loop.items) if (each := is_late(cel, known))]
    found: Json = items
    if not items and not late:
        try:
            found = render(loop.items, known.scope)
        except EvaluationError:
            found = None
    if late or not isinstance(found, list | tuple):
        after = tuple(dict.fromkeys(name for each in late for name in each.after))
        unnamed = known.without(loop.name, after) if known.inside else known
        yield f"{path}[*]", unnamed, loop.most or most_of(loop.items, known)
        return
    for at, item in enumerate(found):
        yield f"{path}[{at}]", known.with_name(loop.name, item), 1


def most_of(template: Json, known: Known) -> int:
    """How many items the list may have that a template will give; 0 when nobody has said."""
    hole = sole_hole(split(template)) if isinstance(template, str) else None
    return known.most.get(hole.cel, 0) if hole else 0


# --- revision 2 -------------------------------------------------------------------------------------------


def _bound(reached: Reached, task: ActionTask | None) -> Foreseen:
    step = reached.step
    assert step.call is not None
    targets = step.most_targets or most_of(step.call.params.get("hosts"), reached.known)
    change, bound = bind(reached, task, targets)
    if reached.certain and task is None and "hosts" in step.call.params and not bound.more:
        refuse_too_many(step.id, "targets", len(bound.targets), step.most_targets)
        if not bound.targets:
            raise EvaluationError(no_targets(step.id))
    return Foreseen(change, task or _task(reached), None, bound)


# --- revision 1 -------------------------------------------------------------------------------------------


def _first(reached: Reached, task: ActionTask | None) -> Foreseen:
    """The change as it is shown with the way back that it will have, and complete with its step's own."""
    step, back = reached.step, reached.back
    task = task or _task(reached)
    undo = step.undo and _rendered(step.undo, reached.known.scope)
    if back.undo is not None:
        assert back.known is not None
        shown = _rendered(back.undo, back.known.scope)
        words = revert_text(back.revert, back.known.scope, back.lender) if back.revert else ""
        return Foreseen(change_of(task, shown, words), task, undo)
    words = revert_text(step.revert, reached.known.scope, back.child) if step.revert else ""
    return Foreseen(change_of(task, undo, words), task, undo)


def _task(reached: Reached) -> ActionTask:
    step, scope = reached.step, reached.known.scope
    assert step.call is not None
    done = step.done and replace(step.done, call=_rendered(step.done.call, scope))
    return ActionTask(
        step=step.id,
        call=_rendered(step.call, scope),
        effect=step.effect,
        timeout=step.timeout,
        done=done,
    )


def _rendered(call: Call, scope: Scope) -> Call:
    """The call with what is known filled in; an expression over what is not known stays as it is written."""
    params: dict[str, Json] = {}
    for name, value in call.params.items():
        try:
            params[name] = render(value, scope)
        except EvaluationError:
            params[name] = value
    return replace(call, params=params)
