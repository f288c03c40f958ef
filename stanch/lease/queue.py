"""The queue of a lease. Invariants:

1. What is held fits: the different targets of all holders are no more than any of them allows.
2. Whoever waits does so behind all who asked before: the first of the queue does not fit, or nobody waits.
3. A claim is in it once, however often it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from stanch.contract import Claim, LeaseAnswer, LeaseView


def same(one: Claim, other: Claim) -> bool:
    """Whether both are the same claim, asked for at different moments."""
    return (one.run, one.execution, one.id) == (other.run, other.execution, other.id)


def asked(state: LeaseView, claim: Claim, at: float) -> LeaseView:
    """With the claim behind all others, or as it is in it already; without one that is too much."""
    if too_much(claim) or any(same(claim, each) for each in (*state.holders, *state.queue)):
        return state
    waits = replace(claim, asked=at, granted=0.0)
    return _promoted(replace(state, queue=(*state.queue, waits)), at)


def freed(state: LeaseView, gone: Collection[Claim], at: float) -> LeaseView:
    """Without the claims, and with those granted that fit now."""

    def left(claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        return tuple(each for each in claims if not any(same(each, one) for one in gone))

    return _promoted(replace(state, holders=left(state.holders), queue=left(state.queue)), at)


def granted(before: LeaseView, after: LeaseView) -> tuple[Claim, ...]:
    """Claims that hold now and did not before."""
    return tuple(each for each in after.holders if not any(same(each, one) for one in before.holders))


def answer(state: LeaseView, claim: Claim) -> LeaseAnswer:
    """How the claim stands, for its run."""
    if refused := too_much(claim):
        return LeaseAnswer(claim.execution, refused=refused)
    held = next((each for each in state.holders if same(each, claim)), None)
    if held is not None:
        return LeaseAnswer(claim.execution, held=True, since=held.granted, waiting=state.queue)
    ahead = next((at for at, each in enumerate(state.queue) if same(each, claim)), len(state.queue))
    return LeaseAnswer(claim.execution, ahead=ahead, holders=state.holders, waiting=state.queue[ahead + 1 :])


def too_much(claim: Claim) -> str:
    """Why the claim is never granted; empty when it is as soon as it fits."""
    if (wanted := load([claim])) <= claim.capacity:
        return ""
    return f"it would disrupt {wanted} targets at once, and {max(claim.capacity, 0)} may be"


def load(claims: Iterable[Claim]) -> int:
    """How much of the lease they take: each target once, a claim without targets as one."""
    taken: set[tuple[str, ...]] = set()
    for each in claims:
        taken.update([(target,) for target in each.targets] or [(each.run, each.execution, each.id)])
    return len(taken)


def _promoted(state: LeaseView, at: float) -> LeaseView:
    holders, queue = list(state.holders), list(state.queue)
    while queue and _fits([*holders, queue[0]]):
        holders.append(replace(queue.pop(0), granted=at))
    return replace(state, holders=tuple(holders), queue=tuple(queue))


def _fits(claims: list[Claim]) -> bool:
    return load(claims) <= min(each.capacity for each in claims)
