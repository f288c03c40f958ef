"""Again, what is not in place and only that: a retry goes down to what failed, and on from there.

What failed and was accepted (`on_failure: continue`, `max_failures`) stays as it is. What had succeeded and
was taken back since is made again. A block goes through its steps in order, a fan-out keeps to its batches.

One person's `retry` is no second approval by several: what more than one had to approve is put to them again.
And what would not be the same any more, because something was taken back or the inputs were changed, is
rendered afresh and asked again too.
"""

from __future__ import annotations

from stanch.conductor.authority.people import starters
from stanch.conductor.back import undoing
from stanch.conductor.events import Cleared, Entered, Repeated, WorkFailed
from stanch.conductor.requests import asking
from stanch.conductor.state import Node, Phase, State
from stanch.conductor.steps import begin, family, finish
from stanch.conductor.steps.preparing import prepare
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import places
from stanch.contract import ActionTask
from stanch.errors import EvaluationError
from stanch.language.people import IC
from stanch.language.plan import Approval, Step


def retry(turn: Turn, node: Node) -> None:
    """A person says so."""
    covered = node.covered and not node.approved
    if turn.given.revision >= 2 and covered and _by_several(begin.approval_of(turn, node)):
        node = turn.put(node, asks_anew=_repeats_a_change(turn, node))
    turn.repeat(node)


def not_alone(state: State, node: Node, person: str) -> str:
    """Why the person may not have it done again alone; empty when they may. Whoever started a run does not
    approve what it changes, and a retry by one person would."""
    given = state.given
    mine = person in starters(state) and not given.policy.self_approval
    if given.revision < 2 or not mine or node.verifying or not (node.approved or node.covered):
        return ""
    line = (node, *places.around(state, node))
    approval = next((places.step_of(state, each).approval for each in line if each.approved), None)
    if _by_several(approval):
        return ""
    return f"{person} started this run and may not have its changes made again; another one must say so"


def afresh(turn: Turn, node: Node, why: str) -> None:
    """As if its turn had just come: nothing of it is approved, and nothing in it has begun. `why` is told."""
    for child in turn.children(node):
        turn.drop(child)
    turn.values.pop(node.path, None)
    fresh = Node(node.path, node.step, node.parent, node.runbook, node.frame, item=node.item)
    same = {"names": node.names, "covered": node.covered, "free": node.free, "started": node.started}
    turn.put(fresh, **same, attempt=node.attempt + 1, asks_anew=node.covered, anew=why)
    turn.post(node.path, Entered())


def ask_anew(turn: Turn, node: Node, why: str) -> None:
    """The same question once more, under another id; `why` is told."""
    approval = begin.approval_of(turn, node) or Approval((IC,))
    turn.note("asked_again", why, step=node.path)
    node = turn.put(node, approved=False)
    try:
        asking.ask_approval(turn, node, approval, holder=begin.holder_of(turn, node), notes=(why,))
    except EvaluationError as error:
        turn.post(node.path, WorkFailed(str(error)))


def repeated(turn: Turn, node: Node, _: Repeated) -> None:
    if said := turn.to_skip.pop(node.path, ""):
        finish.settle(turn, node, Phase.SKIPPED, said)
        return
    taken_back = undoing.taken_back(turn, node)
    if node.verifying and not taken_back:
        if family.is_between_batches(turn, node):
            node = begin.start_limit(turn, node, turn.step(node))
        finish.verify(turn, node)
        return
    node = turn.put(node, verifying=False)
    if taken_back and turn.given.revision >= 2:
        turn.values.pop(node.path, None)
        node = turn.put(node, outputs={}, result=None, executed=False, back=None)
    step, children = turn.step(node), turn.children(node)
    if not children and (node.item is not None or not node.approved):
        # What nobody was asked about may be looked at afresh.
        turn.post(node.path, Entered())
    elif not children:
        _leaf(turn, node, step)
    elif node.item is None and step.for_each:
        _loop(turn, node, step)
    elif why := _asked_why(turn, node):
        ask_anew(turn, node, why)
    else:
        node = begin.start_limit(turn, turn.put(node, phase=Phase.RUNNING, opened=0), step)
        family.go_on(turn, node)


def _leaf(turn: Turn, node: Node, step: Step) -> None:
    """What was approved stays as it was shown, or is shown again."""
    why, was = _asked_why(turn, node), node.tasks
    if not step.for_each and _is_stale(turn):
        node = prepare(turn, node, step)
        why = why or _differs(was, node.tasks)
    if why:
        ask_anew(turn, node, why)
    else:
        turn.put(node, phase=Phase.READY)
        turn.post(node.path, Cleared())


def _loop(turn: Turn, node: Node, step: Step) -> None:
    kept = {child.item for child in turn.children(node) if not family.to_repeat(turn, child)}
    todo = tuple(item for item in range(len(node.items)) if item not in kept)
    if not todo:
        finish.complete(turn, node)
        return
    why, was = _asked_why(turn, node), node
    if _is_stale(turn):
        node = prepare(turn, node, step)
        if node.items != was.items:
            _other_items(turn, node, was)
            return
        again = [(was.tasks[item : item + 1], node.tasks[item : item + 1]) for item in todo]
        differs = next(filter(None, (_differs(*each) for each in again)), "")
        why = why or (differs if node.approved else "")
    node = turn.put(node, phase=Phase.READY, todo=todo, batch=0)
    if why:
        ask_anew(turn, node, why)
    else:
        turn.post(node.path, Cleared())


def _other_items(turn: Turn, node: Node, was: Node) -> None:
    """The rounds are others now. That is a beginning, or nothing that can be gone on with."""
    if left := undoing.standing(turn, node):
        turn.put(was)
        told = ", ".join(dict.fromkeys(f"`{effect.step}`" for effect in left[:3]))
        finish.fail(
            turn, was, f"its items are others now, and {told} is done with the old ones: undo it first"
        )
    else:
        why = "its items are others now, so it begins afresh"
        turn.note("asked_again", why, step=node.path)
        afresh(turn, node, why)


def _is_stale(turn: Turn) -> bool:
    """Whether what was rendered before may come out otherwise now."""
    return turn.given.revision >= 2 and (turn.edited or any(effect.undone for effect in turn.ledger))


def _differs(was: tuple[ActionTask, ...], now: tuple[ActionTask, ...]) -> str:
    return "" if was == now else "it would not be what was approved: something it reads has changed since"


def _asked_why(turn: Turn, node: Node) -> str:
    """Why what was approved is asked again before it is done again; empty when a person's retry is enough."""
    if turn.given.revision < 2 or not (node.approved or node.asks_anew):
        return ""
    several = _by_several(begin.approval_of(turn, node)) and _repeats_a_change(turn, node)
    return "several people approved it, and one alone does not repeat it" if several else ""


def _by_several(approval: Approval | None) -> bool:
    return approval is not None and max(approval.quorum, approval.of_roles) > 1


def _repeats_a_change(turn: Turn, node: Node) -> bool:
    """Whether a change that was begun before would be made again, and not only what follows it."""
    failed = (node, *turn.inner(node))
    return any(
        each.begun
        and not each.verifying
        and turn.step(each).effect == "change"
        and turn.step(each).call is not None
        for each in failed
        if not turn.is_loop(each) and (each.path == node.path or family.to_repeat(turn, each))
    )
