"""Downwards: a node's turn comes, its conditions are checked, its work is prepared and let loose."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import asking, family, finish
from stanch.conductor.act import act, watch
from stanch.conductor.events import Cleared, Entered
from stanch.conductor.state import DEEPEST, Node, Phase
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask
from stanch.errors import EvaluationError, InvalidInput
from stanch.language.coverage import uncovered
from stanch.language.duration import format_duration, parse_duration
from stanch.language.evaluate import Scope, holds, referenced, render, show
from stanch.language.inputs import check_inputs
from stanch.language.plan import MANUAL, Check, Child, Json, Step
from stanch.language.template import OPEN


def entered(turn: Turn, node: Node, _: Entered) -> None:
    """Skip, refuse, ask, or go on."""
    step = turn.step(node)
    if node.item is not None:
        parent = turn.nodes[node.parent or ""]
        tasks = parent.tasks[node.item : node.item + 1]
        turn.put(node, phase=Phase.READY, tasks=tasks)
        turn.post(node.path, Cleared())
        return
    if not node.path and (reason := _not_startable(turn)):
        finish.settle(turn, node, Phase.REFUSED, reason)
        return
    if step.when and not holds(step.when, turn.scope(node)):
        finish.settle(turn, node, Phase.SKIPPED, f"`{step.when}` does not hold")
        return
    if unmet := finish.unmet(turn, node, step, after=False):
        finish.settle(turn, node, Phase.REFUSED, unmet)
        return
    if OPEN in step.title:
        node = turn.put(node, title=turn.text(node, step.title))
    if node.path and (step.call or step.wait or step.child or step.for_each):
        turn.note("step_started", turn.title(node), step=node.path)
    node = _prepare(turn, node, step)
    if step.for_each and not node.items:
        _nothing_to_do(turn, node, step)
    elif step.approval and not node.covered and not node.approved:
        asking.ask_approval(turn, node, step.approval)
    else:
        turn.put(node, phase=Phase.READY)
        turn.post(node.path, Cleared())


def _not_startable(turn: Turn) -> str:
    """Why this run must not begin at all."""
    plan, given = turn.book.plan, turn.given
    if plan.severities and given.severity not in plan.severities:
        return f"this runbook is for {' and '.join(plan.severities)}, and this run is {given.severity}"
    if open_changes := uncovered(plan):
        return f"no approval covers what {', '.join(f'`{name}`' for name in open_changes[:5])} changes"
    return ""


def cleared(turn: Turn, node: Node, _: Cleared) -> None:
    """Nothing stands in the way any more: one last look at the preconditions, then begin."""
    step = turn.step(node)
    if node.item is None and (unmet := finish.unmet(turn, node, step, after=False)):
        finish.settle(turn, node, Phase.REFUSED, unmet)
        return
    if step.child is None or turn.is_loop(node):
        node = start_limit(turn, node, step)
    if node.item is None and step.for_each:
        family.start_batch(turn, node)
    elif step.child is not None:
        _call_child(turn, node, step.child)
    elif step.steps:
        family.go_on(turn, turn.put(node, phase=Phase.RUNNING, opened=0))
    elif step.wait is not None:
        seconds = _seconds(render(step.wait, turn.scope(node)))
        key = turn.start_timer(node, seconds, f"{node.path}: wait {turn.text(node, step.wait)}")
        turn.put(node, phase=Phase.PAUSING, key=key)
    elif step.ask is not None:
        asking.ask_value(turn, node, step.ask)
    elif node.tasks and node.tasks[0].call.action == MANUAL:
        _by_hand(turn, node, step, node.tasks[0])
    elif node.tasks:
        act(turn, node, step, node.tasks[0])
    else:
        finish.complete(turn, node)


def start_limit(turn: Turn, node: Node, step: Step) -> Node:
    """From here on the whole of a block, a child or a loop has as long as its author gave it."""
    if not step.limit or node.item is not None or node.limit:
        return node
    text = f"{node.path}: at most {format_duration(step.limit)}"
    return turn.put(node, limit=turn.start_timer(node, step.limit, text, "/limit"))


def _by_hand(turn: Turn, node: Node, step: Step, task: ActionTask) -> None:
    """A person does it. With a `done` nobody has to say when: the machine sees it."""
    if task.done is None:
        asking.ask_to_do(turn, node, task)
    else:
        asking.tell_to_do(turn, node, task)
        watch(turn, node, step, task, task.done)


def _call_child(turn: Turn, node: Node, child: Child) -> None:
    """A child's inputs are checked as those of a run are, and so is what it requires."""
    if node.path.count("/") >= DEEPEST:
        raise EvaluationError(f"`{child.runbook}` is called more than {DEEPEST} runbooks deep")
    plan = turn.book.plans[child.runbook]
    family.refuse_too_much(turn, len(plan.steps))
    try:
        inputs = check_inputs(plan, render(dict(child.inputs), turn.scope(node)))
    except InvalidInput as error:
        raise EvaluationError(f"`{child.runbook}` cannot be called: {error}") from error
    root = turn.book.root(child.runbook)
    node = turn.put(node, inputs=inputs)
    scope = turn.inside(node)
    if unmet := finish.first_unmet(root.require, scope):
        finish.settle(turn, node, Phase.REFUSED, unmet)
        return
    node = start_limit(turn, node, turn.step(node))
    family.go_on(turn, turn.put(node, phase=Phase.RUNNING, opened=0))


def _prepare(turn: Turn, node: Node, step: Step) -> Node:
    """Render what will be executed, before anybody is asked: afterwards nothing in it can change."""
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
        done=render_check(step.done, scope) if step.done else None,
        scope=referenced(read, scope) if read else {},
        keep=step.keep,
    )


def _refuse_too_many(step: str, what: str, there: int, most: int) -> None:
    """An approval was given for at most so many. Raises EvaluationError."""
    if most and there > most:
        raise EvaluationError(f"`{step}` has {there} {what}, and its author allows {most} at most")


def render_check(check: Check, scope: Scope) -> Check:
    return replace(check, call=replace(check.call, params=render(check.call.params, scope)))


def _nothing_to_do(turn: Turn, node: Node, step: Step) -> None:
    if step.for_each and step.for_each.empty_ok:
        node = finish.store(turn, node, {"results": []})
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
