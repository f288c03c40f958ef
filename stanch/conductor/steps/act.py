"""A node's action: let it loose, and take its end."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.approval import voiding
from stanch.conductor.approval.preview import target_of
from stanch.conductor.back import ledger
from stanch.conductor.back.ledger import enter
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded
from stanch.conductor.requests import asking, doubt
from stanch.conductor.state import Node, Phase
from stanch.conductor.steps import finish
from stanch.conductor.steps.limits import READ_TRIES, REATTACHED, again, deadline, settling
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask
from stanch.language.plan import Check, Step


def act(turn: Turn, node: Node, step: Step, task: ActionTask) -> None:
    """Start the action. A change that nobody allowed is refused here too, whatever the compiler said."""
    changes = task.effect == "change"
    allowed = node.approved or node.covered or node.free or step.unattended is not None
    if changes and not allowed:
        finish.fail(turn, node, f"`{step.id}` changes something and no approval covers it")
        return
    if changes and not voiding.stands(turn, node, step):
        return
    if (node.doubted or node.strayed) and task.done is not None:
        # An attempt before this one may have made it.
        task = replace(task, done=replace(task.done, after_only=False))
    if turn.given.revision >= 2:
        task = replace(task, again=again(step, task))
    turn.changing = turn.changing or changes
    key = turn.run_action(
        node,
        task,
        summary(turn, node, task),
        deadline(task),
        tries(turn, step, task),
        step.retry.every if step.retry else 2.0,
    )
    evidence = node.evidence if node.doubted else ()
    turn.put(node, phase=Phase.ACTING, key=key, executed=False, sent=turn.at, ends=(), evidence=evidence)


def look_first(turn: Turn, node: Node, step: Step, task: ActionTask, done: Check) -> None:
    """Look once whether a person's work is in place already, before anybody is called for it."""
    once = replace(done, poll=replace(done.poll, within=0.0, stable=0.0))
    watch(turn, turn.put(node, looking=True), step, task, once)


def tell_and_watch(turn: Turn, node: Node, step: Step, task: ActionTask, done: Check) -> None:
    watch(turn, asking.tell_to_do(turn, node, task), step, task, done)


def watch(turn: Turn, node: Node, step: Step, task: ActionTask, done: Check) -> None:
    """Look until a person's work is in place, as long as that person has for it."""
    check = ActionTask(
        step=task.step,
        call=done.call,
        timeout=task.timeout,
        poll=done.poll,
        scope=task.scope,
        keep=task.keep,
    )
    turn.changing = turn.changing or (step.effect == "change" and not node.looking)
    key = turn.run_action(node, check, f"{step.id}: has it been done?", deadline(check), READ_TRIES)
    turn.put(node, phase=Phase.ACTING, key=key)


def summary(turn: Turn, node: Node, task: ActionTask) -> str:
    """One line for the Temporal Web UI: `roll_back web1: Put the previous release back`."""
    target = target_of(task.call)
    where = f" {target}" if target and node.item is not None else ""
    title = turn.text(node, turn.step(node).title) or task.call.action
    return f"{node.step}{where}: {title}"[:200]


def tries(turn: Turn, step: Step, task: ActionTask) -> int:
    if step.retry:
        return step.retry.times + 1
    found = turn.given.revision >= 2 and (task.call.action in REATTACHED or step.idempotent)
    return READ_TRIES if step.effect == "read" or found else 1


def succeeded(turn: Turn, node: Node, event: ActionSucceeded) -> None:
    """The action ended well: write the ledger, go on."""
    doubted = node.doubted or event.found or (node.strayed and turn.given.revision >= 2)
    already, step = event.already or node.looking, turn.step(node)
    made = step.effect == "change" and (doubted or not already)
    known = ledger.is_incomplete(turn, node)
    node = ledger.told_back(turn, node, event.undo)
    node = turn.put(node, result=event.result, assumed=already, doubted=False, key="", looking=False)
    node = turn.put(node, executed=made)
    turn.keep(node, event.kept)
    if made:
        enter(turn, node)
    if finish.waived(turn, node):
        return
    note = "already in place; nothing was executed" if already else ""
    if already and doubted:
        which = "an earlier attempt" if known else "an attempt whose outcome was unknown"
        note = f"already in place: {which} made it; nothing was executed now"
    finish.complete(turn, turn.put(node, note=note))


def failed(turn: Turn, node: Node, event: ActionFailed) -> None:
    turn.keep(node, event.kept)
    turn.tell_ends(node, event.ends)
    if event.ran and not node.looking:
        node = ledger.enter_incomplete(turn, node, event)
    if not (finish.waived(turn, node) or _not_there_yet(turn, node)):
        finish.fail(turn, turn.put(node, key=""), event.reason)


def _not_there_yet(turn: Turn, node: Node) -> bool:
    """What a person has to do is not in place: now they are told, and it is watched."""
    done = node.tasks[0].done if node.looking else None
    if done is None:
        return False
    node = turn.put(node, key="", looking=False)
    tell_and_watch(turn, node, turn.step(node), node.tasks[0], done)
    return True


def lost(turn: Turn, node: Node, event: ActionLost) -> None:
    """Nobody knows. The `done` check decides; without one, a person does."""
    if finish.waived(turn, node) or _not_there_yet(turn, node):
        return
    step = turn.step(node)
    turn.note("in_doubt", event.reason, step=node.path)
    if event.heard:
        for line in doubt.of_targets(event):
            turn.note("target", line, step=node.path)
    else:
        turn.tell_ends(node, event.ends)
    if step.effect == "read":
        finish.fail(turn, turn.put(node, key=""), event.reason)
        return
    evidence = doubt.of_attempt(node, event)
    node = ledger.told_back(turn, node, event.undo)
    node = turn.put(node, doubted=True, strayed=True, ends=event.ends, evidence=evidence)
    check = settling(node.tasks[0])
    if check is None:
        evidence = (*evidence, "nothing tells whether it is in place: the step has no `done`")
        finish.fail(turn, turn.put(node, key="", evidence=evidence), event.reason, in_doubt=True)
        return
    key = turn.run_action(node, check, f"{step.id}: is the change in place?", deadline(check), READ_TRIES)
    turn.put(node, phase=Phase.DOUBTING, key=key, note=event.reason)


def doubt_cleared(turn: Turn, node: Node, event: ActionSucceeded) -> None:
    """`done` holds: the lost change was made."""
    note = "its outcome was unknown; `done` says it was made"
    node = turn.put(node, result=event.result, assumed=True, doubted=False, key="", note=note)
    turn.note("settled", "the change is in place", step=node.path)
    enter(turn, node)
    finish.complete(turn, node)


def doubt_stays(turn: Turn, node: Node, event: ActionFailed | ActionLost) -> None:
    """`done` cannot be asked, or does not hold: that may be because it was not made."""
    node = turn.put(node, key="", evidence=(*node.evidence, doubt.said(event)))
    if turn.given.revision >= 2 and doubt.is_not_made(node, node.ends, event):
        turn.note("settled", "the change is not in place: it was not made", step=node.path)
        reason = f"{node.note}; `done` says that it was not made: {event.reason}"
        finish.fail(turn, turn.put(node, doubted=False), reason)
        return
    reason = f"{node.note}; the `done` check does not settle it: {event.reason}"
    finish.fail(turn, node, reason, in_doubt=True)
