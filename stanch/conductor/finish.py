"""Upwards: a node's work is over; what it gave is settled and its parent is told."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.commands import FinishRun
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded, ChildEnded, WorkFailed
from stanch.conductor.preview import brief
from stanch.conductor.state import ROOT, Node, Phase
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Outcome
from stanch.errors import EvaluationError
from stanch.language.evaluate import evaluate, holds, referenced, render, show
from stanch.language.plan import Json, Step, all_steps

OUTCOMES: dict[Phase, Outcome] = {
    Phase.SUCCEEDED: "succeeded",
    Phase.SKIPPED: "succeeded",
    Phase.FAILED: "failed",
    Phase.REFUSED: "refused",
    Phase.DENIED: "denied",
    Phase.IN_DOUBT: "in_doubt",
    Phase.ABORTED: "aborted",
}


def complete(turn: Turn, node: Node) -> None:
    """The node's own work ended well: outputs, what must hold afterwards, and whether it helped."""
    step = turn.step(node)
    if node.item is not None or not node.path:
        settle(turn, node, Phase.SUCCEEDED, node.note)
        return
    node = turn.put(node, result=_result(turn, node, step))
    turn.values[node.path] = outputs_of(turn, node, step)
    # What holds after a change was asked of its own answer; where there is none, `done` or a person answered.
    if problem := "" if node.assumed else unmet(turn, node, step, after=True):
        if step.effect == "read":
            settle(turn, node, Phase.REFUSED, problem)
        else:
            fail(turn, node, problem)
    elif step.verify:
        verify(turn, node)
    else:
        settle(turn, node, Phase.SUCCEEDED, node.note)


def outputs_of(turn: Turn, node: Node, step: Step, *, lenient: bool = False) -> dict[str, Json]:
    """The step's outputs from the node's result. Raises EvaluationError.

    An output that cannot be given is left out if `lenient`, and where a result is not the action's own: it is
    the check's if `done` held, and nobody's if a person said that it was done.
    """
    scope = turn.scope(node, result=node.result)
    lenient = lenient or node.assumed or any(child.assumed for child in turn.children(node))
    found: dict[str, Json] = {}
    for name, cel in step.outputs.items():
        try:
            found[name] = evaluate(cel, scope)
        except EvaluationError:
            if not lenient:
                raise
    return found


def verify(turn: Turn, node: Node) -> None:
    """Ask whether it helped, and keep asking as long as the step says."""
    step = turn.step(node)
    assert step.verify is not None
    scope = turn.scope(node)
    call = replace(step.verify.call, params=render(step.verify.call.params, scope))
    poll = step.verify.poll
    task = ActionTask(
        step=node.path,
        call=call,
        timeout=step.timeout,
        poll=poll,
        scope=referenced([poll.until], scope),
    )
    deadline = poll.within + step.timeout + 5.0
    key = turn.run_action(node, task, f"{step.id}: did it help? until {poll.until}"[:200], deadline, 3)
    turn.note("verifying", f"until {poll.until}", step=node.path)
    turn.put(node, phase=Phase.VERIFYING, key=key, verifying=True)


def verified(turn: Turn, node: Node, _: ActionSucceeded) -> None:
    settle(turn, turn.put(node, key="", verifying=False), Phase.SUCCEEDED, node.note)


def not_verified(turn: Turn, node: Node, event: ActionFailed | ActionLost) -> None:
    fail(turn, turn.put(node, key=""), f"it did not help: {event.reason}")


def unmet(turn: Turn, node: Node, step: Step, *, after: bool) -> str:
    """The message of the first precondition that does not hold; empty when all do."""
    required = [each for each in step.require if each.after is after]
    if not required:
        return ""
    scope = turn.scope(node, result=node.result) if after else turn.scope(node)
    for each in required:
        if not holds(each.that, scope):
            return show(render(each.message, scope))
    return ""


def fail(turn: Turn, node: Node, reason: str, *, in_doubt: bool = False) -> None:
    """What the node was doing failed; `failing` does what its step says about that."""
    turn.post(node.path, WorkFailed(reason, in_doubt))


def settle(turn: Turn, node: Node, phase: Phase, note: str = "") -> None:
    """The node has reached its end. Its parent is told; the root's end is the run's."""
    node = turn.put(node, phase=phase, ended=turn.at, note=note, key="")
    step = turn.step(node)
    if not node.path:
        finish_run(turn, OUTCOMES[phase], note)
        return
    if node.item is None:
        turn.values[node.path] = {**turn.values.get(node.path, {}), **_standing(phase)}
        if step.for_each is None:
            for inner in all_steps(step.steps):
                turn.values.setdefault(f"{node.prefix}{inner.id}", _standing(Phase.SKIPPED))
    if step.call or step.wait or step.for_each or phase is not Phase.SUCCEEDED:
        turn.note(f"step_{phase.value}", note or _ended_text(turn, node, step), step=node.path)
    _tell_parent(turn, node)


def _standing(phase: Phase) -> dict[str, Json]:
    """What every step may be asked about every earlier one."""
    return {
        "ok": phase is Phase.SUCCEEDED,
        "ran": phase is not Phase.SKIPPED,
        "failed": phase in (Phase.FAILED, Phase.IN_DOUBT),
        "denied": phase is Phase.DENIED,
    }


def _tell_parent(turn: Turn, node: Node) -> None:
    """An item is told of only when it is the last of its batch, so a batch has one end, even in one turn."""
    parent = turn.nodes[node.parent or ROOT]
    if node.item is None or all(child.phase.final for child in turn.children(parent)):
        turn.post(parent.path, ChildEnded(node.path))


def finish_run(turn: Turn, outcome: Outcome, reason: str) -> None:
    outputs: dict[str, Json] = {}
    if outcome == "succeeded":
        scope = turn.scope(turn.nodes[ROOT])
        for name, cel in turn.book.plan.outputs.items():
            try:
                outputs[name] = evaluate(cel, scope)
            except EvaluationError as error:
                # The run has done its work; a missing output is told, and is not a reason to call it failed.
                turn.note("problem", f"output `{name}`: {error}")
    turn.note("run_ended", outcome + (f": {reason}" if reason else ""))
    turn.ending = {"ended": turn.at, "outcome": outcome, "reason": reason, "outputs": outputs}
    turn.commands.append(FinishRun(outcome, reason, outputs))


def _result(turn: Turn, node: Node, step: Step) -> Json:
    """A step's `result`: of a fan-out, the items' results in order, each with its `item`."""
    if step.for_each is None or step.call is None:
        return node.result
    found: list[Json] = []
    for child in sorted(turn.children(node), key=lambda child: child.item or 0):
        results = child.result if isinstance(child.result, list) else [child.result]
        found += [
            {**result, "item": node.items[child.item or 0]} for result in results if isinstance(result, dict)
        ]
    return found


def _ended_text(turn: Turn, node: Node, step: Step) -> str:
    if node.item is not None:
        return brief(turn.nodes[node.parent or ROOT].items[node.item])
    if step.for_each:
        return f"{len(node.items)} of {len(node.items)} done"
    said = {name: held for name, held in turn.values.get(node.path, {}).items() if name in step.outputs}
    return ", ".join(f"{name} = {brief(held)}" for name, held in said.items())
