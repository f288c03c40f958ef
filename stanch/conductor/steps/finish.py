"""Upwards: a node's work is over; what it gave is settled and its parent is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stanch.conductor.approval.preview import brief
from stanch.conductor.back import ledger, returning, undoing
from stanch.conductor.claims import taking
from stanch.conductor.commands import CancelTimer, FinishRun
from stanch.conductor.events import ActionFailed, ActionLost, ActionSucceeded, ChildEnded, WorkFailed
from stanch.conductor.gist import gist, looked
from stanch.conductor.state import ROOT, Node, Phase
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Found, Outcome
from stanch.contract.limits import GIVEN, OUTPUT, TASK, in_words, size_of
from stanch.errors import EvaluationError
from stanch.language.evaluate import Scope, evaluate, holds, referenced, render, show
from stanch.language.plan import Json, Require, Step, all_steps

OUTCOMES: dict[Phase, Outcome] = {
    Phase.SUCCEEDED: "succeeded",
    Phase.SKIPPED: "succeeded",
    Phase.FAILED: "failed",
    Phase.REFUSED: "refused",
    Phase.DENIED: "denied",
    Phase.IN_DOUBT: "in_doubt",
    Phase.ABORTED: "aborted",
}


_LONGEST_FINDING = 2000
"""Characters; it is data from outside, and stands in every later request."""


def complete(turn: Turn, node: Node) -> None:
    """The node's own work ended well: outputs, findings, what must hold afterwards, and whether it helped."""
    step = turn.step(node)
    node = drop_limit(turn, node)
    if not node.path:
        settle(turn, node, Phase.SUCCEEDED, node.note)
        return
    if turn.is_loop(node):
        node = store(turn, node, {"results": results(turn, node)})
    else:
        if step.child is not None:
            node = turn.put(node, result=_child_result(turn, node, step.child.runbook))
        node = store(turn, node, outputs_of(turn, node, step))
        ledger.refresh(turn, node)
        _note_findings(turn, node, step)
        # What holds after a change was asked of its own answer; where there is none, `done` or a person
        # answered.
        if problem := "" if node.assumed else unmet(turn, node, step, after=True):
            _unmet_afterwards(turn, node, step, problem)
            return
    # Of a loop it is asked in each round, or behind each batch: this is the last one, or all of them.
    if step.verify and (node.item is not None) is step.verify.each_round:
        verify(turn, node)
    else:
        if step.verify and turn.is_loop(node) and not turn.children(node, Phase.FAILED, Phase.IN_DOUBT):
            _helped(turn, node)
        settle(turn, node, Phase.SUCCEEDED, node.note)


def _unmet_afterwards(turn: Turn, node: Node, step: Step, problem: str) -> None:
    if step.effect == "read":
        settle(turn, node, Phase.REFUSED, problem)
    else:
        fail(turn, node, problem)


def store(turn: Turn, node: Node, outputs: Mapping[str, Json]) -> Node:
    """What the node gives: for `steps.<id>` of others, or of one round only."""
    if node.item is None:
        turn.values[node.path] = dict(outputs)
    return turn.put(node, outputs=dict(outputs))


def outputs_of(turn: Turn, node: Node, step: Step, *, lenient: bool = False) -> dict[str, Json]:
    """The step's outputs from the node's result, and what a person answered. Raises EvaluationError.

    An output that cannot be given is left out if `lenient`, and where a result is not the action's own: it is
    the check's if `done` held, and nobody's if a person said that it was done.
    """
    found: dict[str, Json] = dict(node.result) if step.ask and isinstance(node.result, Mapping) else {}
    if turn.is_loop(node):
        return found
    lenient = lenient or node.assumed
    scope = dict(turn.scope(node, result=node.result))
    scope["steps"] = {**scope["steps"], step.id: found}
    for name, cel in step.outputs.items():
        try:
            value = evaluate(cel, scope)
            _refuse_too_large(turn, name, value)
            found[name] = value
        except EvaluationError:
            if not lenient:
                raise
    return found


def _refuse_too_large(turn: Turn, name: str, value: Json) -> None:
    """What later steps read goes into the history with each of them. Raises EvaluationError."""
    if turn.given.revision >= 2 and (size := size_of(value)) > OUTPUT:
        raise EvaluationError(
            f"output `{name}` is {in_words(size)}, and {in_words(OUTPUT)} is the most that is passed on; "
            "take what later steps need of it, and `keep` the rest"
        )


def own_scope(turn: Turn, node: Node) -> dict[str, Json]:
    """What an expression of the node reads once it has ended: its `result`, and its outputs by its id."""
    scope = dict(turn.scope(node, result=node.result))
    scope["steps"] = {**scope["steps"], node.step: dict(node.outputs)}
    return scope


def _note_findings(turn: Turn, node: Node, step: Step) -> None:
    """What the diagnosis says. One that cannot be told is a problem, and none of the run's."""
    if not step.findings:
        return
    told = [each for each in turn.found if each.step == node.path]
    if turn.given.revision >= 2:
        # What it said before it was done again does not hold beside what it says now.
        turn.found = [each for each in turn.found if each.step != node.path]
    scope = own_scope(turn, node)
    for each in step.findings:
        try:
            if not holds(each.when, scope):
                continue
            suggest = each.suggest and replace(each.suggest, inputs=render(dict(each.suggest.inputs), scope))
            found = Found(node.path, each.verdict, show(render(each.text, scope))[:_LONGEST_FINDING], suggest)
        except EvaluationError as error:
            turn.note("problem", f"a finding cannot be told: {error}", step=node.path)
            continue
        turn.found.append(found)
        if turn.given.revision < 2 or found not in told:
            turn.note("found", f"{found.verdict}: {found.text}", step=node.path)


def results(turn: Turn, node: Node) -> list[Json]:
    """Of a loop: what each round gave, in the order of the items."""
    rounds = sorted(turn.children(node), key=lambda child: child.item or 0)
    return [
        {**child.outputs, "item": node.items[child.item or 0], "ok": child.phase is Phase.SUCCEEDED}
        for child in rounds
    ]


def _child_result(turn: Turn, node: Node, runbook: str) -> Json:
    """What a child gives its caller. Raises EvaluationError when one of its outputs cannot be given."""
    scope = turn.inside(node)
    outputs = {name: evaluate(cel, scope) for name, cel in turn.book.plans[runbook].outputs.items()}
    inside = [
        {"step": each.step, "is": each.verdict, "text": each.text}
        for each in turn.found
        if each.step.startswith(f"{node.path}/")
    ]
    return {"outcome": "succeeded", "outputs": outputs, "findings": inside}


def verify(turn: Turn, node: Node) -> None:
    """Ask whether it helped, and keep asking as long as the step says."""
    step = turn.step(node)
    assert step.verify is not None
    scope = dict(turn.scope(node))
    if node.item is not None:
        scope["steps"] = {**scope["steps"], node.step: dict(node.outputs)}
    call = replace(step.verify.call, params=render(step.verify.call.params, scope))
    poll = step.verify.poll
    task = ActionTask(
        step=node.path,
        call=call,
        timeout=step.timeout,
        poll=poll,
        scope=referenced([each for each in (poll.until, poll.worse) if each], scope),
    )
    deadline = poll.within + step.timeout + 5.0
    key = turn.run_action(node, task, f"{step.id}: did it help? until {poll.until}"[:200], deadline, 3)
    between = f"{len(node.items) - len(node.todo)} of {len(node.items)} done, " if node.todo else ""
    turn.note("verifying", f"{between}until {poll.until}", step=node.path)
    turn.put(node, phase=Phase.VERIFYING, key=key, verifying=True)


def verified(turn: Turn, node: Node, _: ActionSucceeded) -> None:
    if waived(turn, node):
        return
    node = turn.put(node, key="", verifying=False)
    if node.item is None:
        _helped(turn, node)
    settle(turn, node, Phase.SUCCEEDED, node.note)


def _helped(turn: Turn, node: Node) -> None:
    """All of what the node changed did; of a loop, all rounds."""
    if not turn.mitigated and any(not effect.undone for effect in turn.ledger):
        turn.mitigated = turn.at
        turn.note("mitigated", "it helped; the incident can be called mitigated from here on", step=node.path)


def not_verified(turn: Turn, node: Node, event: ActionFailed | ActionLost) -> None:
    if not waived(turn, node):
        fail(turn, turn.put(node, key=""), f"it did not help: {event.reason}")


def waived(turn: Turn, node: Node) -> bool:
    """Whether what has just ended was skipped; then it is settled. A change that only was not verified is
    made."""
    if not node.waived:
        return False
    end, text = Phase.SKIPPED, node.waived
    if node.phase is Phase.VERIFYING:
        end, text = Phase.SUCCEEDED, f"its verification was {node.waived}"
    settle(turn, turn.put(node, key="", waived="", verifying=False, looking=False), end, text)
    return True


def unmet(turn: Turn, node: Node, step: Step, *, after: bool) -> str:
    """The message of the first precondition that does not hold; empty when all do."""
    required = [each for each in step.require if each.after is after]
    if not required:
        return ""
    return first_unmet(required, own_scope(turn, node) if after else turn.scope(node))


def first_unmet(required: Sequence[Require], scope: Scope) -> str:
    """The message of the first of the preconditions that does not hold; empty when all do."""
    for each in required:
        if not holds(each.that, scope):
            return show(render(each.message, scope))
    return ""


def fail(turn: Turn, node: Node, reason: str, *, in_doubt: bool = False) -> None:
    """What the node was doing failed; `failing` does what its step says about that."""
    drop_limit(turn, node)
    turn.post(node.path, WorkFailed(reason, in_doubt))


def let_be(turn: Turn, node: Node, phase: Phase, why: str) -> None:
    """The node is not begun, or not again, because of `why`. That does not tell what became of it before: as
    long as nobody knows, a person still has to say."""
    if turn.given.revision >= 2 and in_doubt(turn, node):
        # Rounds that were to be repeated are asked about again.
        asked = {child.item for child in turn.children(node, Phase.IN_DOUBT)}
        node = turn.put(node, todo=tuple(item for item in node.todo if item not in asked))
        fail(turn, node, f"{why}; nobody knows yet what became of an earlier attempt", in_doubt=True)
    else:
        settle(turn, node, phase, why)


def in_doubt(turn: Turn, node: Node) -> bool:
    """Whether nobody knows what became of the node, or of something in it."""
    return any(each.doubted or each.phase is Phase.IN_DOUBT for each in (node, *turn.inner(node)))


def settle(turn: Turn, node: Node, phase: Phase, note: str = "") -> None:
    """The node has reached its end. Its parent is told; the root's end is the run's."""
    if borrowed := ledger.due(turn, node):
        undoing.put_back(turn, drop_limit(turn, node), borrowed, phase, note)
    else:
        end(turn, node, phase, note)


def end(turn: Turn, node: Node, phase: Phase, note: str = "") -> None:
    """As `settle`, with nothing to put back, or nothing that can be."""
    if not node.path and (doubtful := _left_in_doubt(turn, phase)):
        phase, note = Phase.IN_DOUBT, f"{note}; in doubt: {', '.join(doubtful)}".removeprefix("; ")
    node = turn.put(drop_limit(turn, node), phase=phase, ended=turn.at, note=note, key="")
    step = turn.step(node)
    if not node.path:
        finish_run(turn, OUTCOMES[phase], note)
        return
    taking.give_back(turn, node)
    if node.item is None:
        turn.values[node.path] = {**turn.values.get(node.path, {}), **standing(phase)}
        if step.for_each is None and step.child is None:
            for inner in all_steps(step.steps):
                turn.values.setdefault(f"{node.prefix}{inner.id}", standing(Phase.SKIPPED))
    if step.call or step.wait or step.ask or step.child or step.for_each or phase is not Phase.SUCCEEDED:
        turn.note(f"step_{phase.value}", note or _ended_text(turn, node, step), step=node.path)
    _tell_parent(turn, node)


def _left_in_doubt(turn: Turn, phase: Phase) -> list[str]:
    """What nobody knows of although the run would end otherwise: it was gone on without."""
    if turn.given.revision < 2 or phase in (Phase.IN_DOUBT, Phase.ABORTED):
        return []
    return [node.path for node in turn.nodes.values() if node.path and _is_doubtful(turn, node)]


def _is_doubtful(turn: Turn, node: Node) -> bool:
    return bool(node.tasks) and not turn.is_loop(node) and (node.doubted or node.phase is Phase.IN_DOUBT)


def standing(phase: Phase) -> dict[str, Json]:
    """What every step may be asked about every earlier one."""
    return {
        "ok": phase is Phase.SUCCEEDED,
        "ran": phase is not Phase.SKIPPED,
        "failed": phase in (Phase.FAILED, Phase.IN_DOUBT),
        "denied": phase is Phase.DENIED,
    }


def _tell_parent(turn: Turn, node: Node) -> None:
    """Of what runs at once, only the last is told of, so it has one end, even when all ends in one turn."""
    parent = turn.nodes[node.parent or ROOT]
    one_by_one = node.item is None and not turn.step(parent).parallel
    if one_by_one or turn.all_ended(parent):
        turn.post(parent.path, ChildEnded(node.path))


def _fitting(turn: Turn, others: Mapping[str, Json], value: Json) -> Json:
    """`value`, if a run can give it beside the others. Raises EvaluationError."""
    most = GIVEN if turn.given.revision >= 2 else TASK
    if (size := size_of(others) + size_of(value)) > most:
        told = f"a run gives {in_words(most)} at most, and this would make it {in_words(size)}"
        raise EvaluationError(f"{told}; `keep` what is so large")
    return value


def finish_run(turn: Turn, outcome: Outcome, reason: str) -> None:
    outputs: dict[str, Json] = {}
    if outcome == "succeeded":
        scope = turn.inside(turn.nodes[ROOT])
        for name, cel in turn.book.plan.outputs.items():
            try:
                outputs[name] = _fitting(turn, outputs, evaluate(cel, scope))
            except EvaluationError as error:
                # The run has done its work; a missing output is told, and is not a reason to call it failed.
                turn.note("problem", f"output `{name}`: {error}")
    left = returning.followups(turn)
    for effect in turn.ledger:
        if effect.reverts is not None and not effect.undone:
            what = f"`{effect.command}` {effect.target}".rstrip()
            turn.note("problem", f"was not put back: {what}", step=effect.step)
    ledger.enter_unknown(turn, [node for node in turn.nodes.values() if _is_doubtful(turn, node)])
    taking.give_back(turn, turn.nodes[ROOT])
    turn.note("run_ended", outcome + (f": {reason}" if reason else ""))
    turn.ending = {"ended": turn.at, "outcome": outcome, "reason": reason, "outputs": outputs}
    turn.commands.append(FinishRun(outcome, reason, outputs, left))


def drop_limit(turn: Turn, node: Node) -> Node:
    """Its time has not run out."""
    if not node.limit:
        return turn.put(node, due=0.0) if node.due else node
    if turn.awaited.pop(node.limit, None) is not None:
        turn.commands.append(CancelTimer(node.limit))
    return turn.put(node, limit="", due=0.0)


def _ended_text(turn: Turn, node: Node, step: Step) -> str:
    if node.item is not None:
        return brief(turn.nodes[node.parent or ROOT].items[node.item])
    if step.for_each:
        return f"{len(node.items)} of {len(node.items)} done"
    told = ", ".join(f"{name} = {gist(held)}" for name, held in node.outputs.items())
    return told or looked(turn, node)
