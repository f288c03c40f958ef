"""Downwards: a node's turn comes, its conditions are checked, its work is prepared and let loose."""

from __future__ import annotations

from stanch.conductor.approval import voiding
from stanch.conductor.approval.pace import no_items
from stanch.conductor.claims import taking
from stanch.conductor.events import Cleared, Entered
from stanch.conductor.requests import asking, flapping
from stanch.conductor.state import DEEPEST, Node, Phase
from stanch.conductor.steps import family, finish
from stanch.conductor.steps.act import act, look_first, tell_and_watch
from stanch.conductor.steps.preparing import prepare
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask
from stanch.errors import EvaluationError, InvalidInput
from stanch.language.coverage import uncovered
from stanch.language.duration import format_duration, parse_duration
from stanch.language.evaluate import holds, render, show
from stanch.language.inputs import check_inputs
from stanch.language.plan import MANUAL, Approval, Child, Json, Step
from stanch.language.template import OPEN


def entered(turn: Turn, node: Node, _: Entered) -> None:
    """Skip, refuse, ask, or go on."""
    step = turn.step(node)
    if said := turn.to_skip.pop(node.path, ""):
        finish.settle(turn, node, Phase.SKIPPED, said)
        return
    if node.item is not None:
        parent = turn.nodes[node.parent or ""]
        tasks = parent.tasks[node.item : node.item + 1]
        turn.put(node, phase=Phase.READY, tasks=tasks)
        turn.post(node.path, Cleared())
        return
    if not node.path and (reason := _not_startable(turn)):
        finish.settle(turn, node, Phase.REFUSED, reason)
        return
    if flapping.too_often(turn, node):
        flapping.ask_to_begin(turn, node)
        return
    if step.when and not holds(step.when, turn.scope(node)):
        finish.let_be(turn, node, Phase.SKIPPED, f"`{step.when}` does not hold")
        return
    if unmet := finish.unmet(turn, node, step, after=False):
        finish.let_be(turn, node, Phase.REFUSED, unmet)
        return
    if OPEN in step.title:
        node = turn.put(node, title=turn.text(node, step.title))
    if node.path and (step.call or step.wait or step.child or step.for_each):
        turn.note("step_started", turn.title(node), step=node.path)
    node = prepare(turn, node, step)
    if turn.given.revision >= 2:
        family.refuse_too_much(turn, len(node.items))
    if step.for_each and not node.items:
        _nothing_to_do(turn, node, step)
    elif (approval := to_ask(turn, node)) is not None:
        notes = (node.anew,) if node.anew else ()
        asking.ask_approval(turn, node, approval, holder=holder_of(turn, node), notes=notes)
    else:
        turn.put(node, phase=Phase.READY)
        turn.post(node.path, Cleared())


def to_ask(turn: Turn, node: Node) -> Approval | None:
    """The approval that has to be asked for before the node begins."""
    if node.approved:
        return None
    if node.asks_anew:
        return approval_of(turn, node)
    return None if node.covered else turn.step(node).approval


def approval_of(turn: Turn, node: Node) -> Approval | None:
    """That of the node's own step, or of the block that covers it."""
    return turn.step(holder_of(turn, node)).approval


def holder_of(turn: Turn, node: Node) -> Node:
    """The node itself, or the block or loop around it whose approval covers it."""
    if not node.covered:
        return node
    return next((each for each in turn.around(node) if each.approved), node)


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
    node = turn.put(node, begun=turn.at)
    unmet = finish.unmet(turn, node, step, after=False) if node.item is None else ""
    if unmet := unmet or _unmet_around(turn, node, step):
        finish.let_be(turn, node, Phase.REFUSED, unmet)
        return
    if turn.is_loop(node) and not voiding.stands(turn, node, step):
        return
    if not node.path and not taking.locks(turn, node, turn.book.plan.locks, turn.scope(node)):
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


def _unmet_around(turn: Turn, node: Node, step: Step) -> str:
    """What an approved block requires that does not hold any more, if this is the first change in it and was
    kept back for a while."""
    if step.effect != "change" or all(each.path != node.path for each in turn.before.parked):
        return ""
    for block in turn.around(node):
        inside = {each.path for each in turn.inner(block)} if block.approved else set()
        first = inside and not any(effect.step in inside for effect in turn.ledger)
        if first and (unmet := finish.unmet(turn, block, turn.step(block), after=False)):
            return unmet
    return ""


def start_limit(turn: Turn, node: Node, step: Step) -> Node:
    """From here on the whole of a block, a child or a loop has as long as its author gave it."""
    if not step.limit or node.item is not None or node.limit:
        return node
    return arm_limit(turn, node, step.limit)


def arm_limit(turn: Turn, node: Node, seconds: float) -> Node:
    text = f"{node.path}: at most {format_duration(turn.step(node).limit)}"
    key = turn.start_timer(node, seconds, text, "/limit")
    return turn.put(node, limit=key, due=turn.at + seconds)


def _by_hand(turn: Turn, node: Node, step: Step, task: ActionTask) -> None:
    """A person does it. With a `done` nobody has to say when: the machine sees it."""
    if task.done is None:
        asking.ask_to_do(turn, node, task)
    elif turn.given.revision >= 2 and not task.done.after_only:
        look_first(turn, node, step, task, task.done)
    else:
        tell_and_watch(turn, node, step, task, task.done)


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
    if not taking.locks(turn, node, plan.locks, scope):
        return
    node = start_limit(turn, turn.nodes[node.path], turn.step(node))
    family.go_on(turn, turn.put(node, phase=Phase.RUNNING, opened=0))


def _nothing_to_do(turn: Turn, node: Node, step: Step) -> None:
    if step.for_each and step.for_each.empty_ok:
        node = finish.store(turn, node, {"results": []})
        finish.settle(turn, node, Phase.SKIPPED, "there are no items")
    else:
        finish.fail(turn, node, no_items(step.id))


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
