"""Shares of a pool's budget: how many of its targets may be disrupted at once, by all runs together.

A change claims its targets in a pool just before it begins, and gives them back with its own end: when it has
been verified, or a person has settled its failure. The rounds of a loop around one action claim a batch at a
time. A way back claims what it touches, too.

No two runs wait for each other: whoever asks for a share holds no other one of the same pool that it could
only give back by going on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from stanch.conductor.approval.binding import Binding
from stanch.conductor.approval.pace import Pace
from stanch.conductor.approval.preview import targets_of
from stanch.conductor.claims import taking
from stanch.conductor.claims.taking import Wanted
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import POOL, ActionTask, RunPolicy
from stanch.errors import EvaluationError
from stanch.language.batches import sizes
from stanch.language.plan import ForEach, Step

# --- what can never fit -----------------------------------------------------------------------------------


def refuse_tasks(turn: Turn, step: Step, tasks: Sequence[ActionTask]) -> None:
    """Of prepared work, a task or one a round. Raises EvaluationError for more than a budget ever allows."""
    if turn.given.policy.budgets and step.effect == "change":
        _refuse(turn.given.policy, step, [targets_of(task.call) for task in tasks], step.for_each)


def refuse_foreseen(turn: Turn, loops: Sequence[Pace], bindings: Sequence[Binding]) -> None:
    """Of what an approval would cover, as far as its targets are known. Raises EvaluationError."""
    policy = turn.given.policy
    if not policy.budgets:
        return
    targets = {each.path: each.targets for each in bindings}
    for loop in loops:
        if loop.certain and loop.step.call is not None and loop.count is not None:
            rounds = [targets.pop(f"{loop.path}[{at}]", ()) for at in range(loop.count)]
            _refuse(policy, loop.step, rounds, loop.step.for_each)
    for each in bindings:
        if each.path in targets and each.certain:
            _refuse_at_once(policy, each.path, set(each.targets))


def _refuse(policy: RunPolicy, step: Step, rounds: Sequence[Sequence[str]], loop: ForEach | None) -> None:
    at = 0
    for size in sizes(loop, len(rounds)) if loop is not None else [1] * len(rounds):
        _refuse_at_once(policy, step.id, {target for each in rounds[at : at + size] for target in each})
        at += size


def _refuse_at_once(policy: RunPolicy, step: str, targets: Collection[str]) -> None:
    for name, touched in _touched(policy, targets).items():
        if len(touched) > policy.budgets[name]:
            of = f"{policy.budgets[name]} of {len(set(policy.pools[name]))}"
            raise EvaluationError(
                f"`{step}` would disrupt {len(touched)} targets of the pool `{name}` at once, and its "
                f"budget in the policy is {of}: change fewer at once, in smaller `batches`"
            )


def _touched(policy: RunPolicy, targets: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Pool to those of the targets that are in it, of pools with a budget. Who names the pool touches all."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(policy.budgets):
        pool = set(policy.pools.get(name, ()))
        if touched := pool if name in targets else pool.intersection(targets):
            found[name] = tuple(sorted(touched))
    return found


# --- shares -----------------------------------------------------------------------------------------------


def of_change(turn: Turn, node: Node) -> Iterator[Wanted]:
    """What the node's change needs. A loop itself needs nothing; its rounds need what their batch touches."""
    policy = turn.given.policy
    if not policy.budgets or turn.is_loop(node) or not node.tasks:
        return
    owner = turn.nodes[node.parent or ""] if node.item is not None else node
    for name, own in _touched(policy, _targets(turn, node)).items():
        if (shared := _shared(turn, name, owner, own)) is not None:
            yield shared
            continue
        batch = _batch(turn, node)
        if any(each.key for each in batch):
            # It was rendered afresh, while others of its batch are under way with what was claimed for them.
            yield _new(turn, name, node, own)
        else:
            together = {target for each in batch for target in _targets(turn, each)}
            yield _new(turn, name, owner, _touched(policy, together)[name])


def of_way_back(turn: Turn, node: Node) -> Iterator[Wanted]:
    """What the next thing that the node takes back needs. What alone is more than the budget goes back all
    the same, for there is no smaller step back."""
    policy, undo = turn.given.policy, turn.ledger[node.undo_queue[0]].undo
    if undo is None:
        return
    for name, touched in _touched(policy, targets_of(undo)).items():
        if len(touched) <= policy.budgets[name]:
            yield _shared(turn, name, node, touched) or _new(turn, name, node, touched)


def give_back_batch(turn: Turn, node: Node) -> None:
    """A batch of the loop is over, and what failed in it was accepted."""
    for name in turn.given.policy.budgets:
        _drop(turn, f"{POOL}{name}", node)


def _shared(turn: Turn, name: str, owner: Node, needed: Collection[str]) -> Wanted | None:
    """The claim of this run that has what is needed, if there is one; the owner shares it from now on. While
    one is broken there is no other: whoever commands has to release it first."""
    lease = f"{POOL}{name}"
    for key, claim in turn.claims.items():
        broken = claim.lease.state == "broken"
        if claim.lease.name == lease and (broken or set(needed) <= set(claim.lease.targets)):
            if owner.path not in claim.nodes:
                taking.put(turn, key, replace(claim, nodes=(*claim.nodes, owner.path)))
            return Wanted(lease, key.removeprefix(f"{lease}@"), claim.capacity, claim.lease.targets, own=True)
    return None


def _new(turn: Turn, name: str, owner: Node, targets: tuple[str, ...]) -> Wanted:
    lease = f"{POOL}{name}"
    _drop(turn, lease, owner)
    return Wanted(lease, owner.path, turn.given.policy.budgets[name], targets, own=True)


def _drop(turn: Turn, lease: str, owner: Node) -> None:
    """What the owner has of it, and what those have that have ended: whoever waits keeps nobody waiting."""
    for key, claim in list(turn.claims.items()):
        left = [path for path in claim.nodes if path != owner.path and path in turn.live]
        if claim.lease.name == lease and claim.lease.state != "broken" and not left:
            taking.drop(turn, key)


def _batch(turn: Turn, node: Node) -> list[Node]:
    """The rounds that go together with the node, or the node alone."""
    if node.item is None or turn.step(node).call is None:
        return [node]
    return [each for each in turn.children(turn.nodes[node.parent or ""]) if not each.phase.final]


def _targets(turn: Turn, node: Node) -> tuple[str, ...]:
    """A round that has not been entered yet has its task from its loop."""
    tasks = node.tasks
    if not tasks and node.item is not None:
        tasks = turn.nodes[node.parent or ""].tasks[node.item : node.item + 1]
    return targets_of(tasks[0].call) if tasks else ()
