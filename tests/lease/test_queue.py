"""The queue of a lease, played in any order."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.contract import Claim, LeaseView
from stanch.lease import queue


def lock(run: str, **fields: object) -> Claim:
    return Claim(run, f"{run}-1", "x#1", **fields)  # type: ignore[arg-type]


def share(run: str, *targets: str, capacity: int = 2) -> Claim:
    return lock(run, targets=targets, capacity=capacity)


def asked(state: LeaseView, *claims: Claim) -> LeaseView:
    for moment, claim in enumerate(claims, 1):
        state = queue.asked(state, claim, float(moment))
    return state


EMPTY = LeaseView("web")
A, B, C = lock("run/a"), lock("run/b"), lock("run/c")


def names(claims: tuple[Claim, ...]) -> list[str]:
    return [each.run for each in claims]


def test_one_holds_and_the_others_wait_in_the_order_in_which_they_asked() -> None:
    state = asked(EMPTY, A, B, C)
    assert (names(state.holders), names(state.queue)) == (["run/a"], ["run/b", "run/c"])
    answer = queue.answer(state, C)
    assert (answer.held, answer.ahead, names(answer.holders)) == (False, 1, ["run/a"])
    after = queue.freed(state, [A], 9.0)
    assert names(queue.granted(state, after)) == ["run/b"]
    assert queue.answer(after, B).since == 9.0
    assert names(queue.answer(after, B).waiting) == ["run/c"]


def test_asking_again_changes_nothing() -> None:
    state = asked(EMPTY, A, B)
    assert asked(state, B, A, B) == state


def test_the_same_run_in_another_execution_is_somebody_else() -> None:
    later = Claim("run/a", "run/a-2", "x#1")
    state = asked(EMPTY, A, later)
    assert not queue.answer(state, later).held
    assert queue.answer(queue.freed(state, [A], 5.0), later).since == 5.0


def test_whoever_gives_up_waiting_leaves_the_queue_to_the_others() -> None:
    state = queue.freed(asked(EMPTY, A, B, C), [B], 5.0)
    assert (names(state.holders), names(state.queue)) == (["run/a"], ["run/c"])


def test_a_target_that_is_disrupted_already_counts_once() -> None:
    state = asked(EMPTY, share("run/a", "w1", "w2"), share("run/b", "w2", "w1"))
    assert names(state.holders) == ["run/a", "run/b"]
    assert queue.load(state.holders) == 2


def test_a_small_claim_does_not_overtake_a_large_one() -> None:
    state = asked(EMPTY, share("run/a", "w1"), share("run/b", "w2", "w3"), share("run/c", "w4"))
    assert (names(state.holders), names(state.queue)) == (["run/a"], ["run/b", "run/c"])


def test_the_smallest_budget_of_all_holders_is_kept() -> None:
    state = asked(EMPTY, share("run/a", "w1", "w2"), share("run/b", "w3", capacity=9))
    assert names(state.queue) == ["run/b"], "the first one was promised that two are disrupted at most"


def test_more_than_there_ever_is_is_refused_and_keeps_nobody_waiting() -> None:
    much = share("run/a", "w1", "w2", "w3")
    state = asked(EMPTY, much, share("run/b", "w1"))
    assert queue.answer(state, much).refused == "it would disrupt 3 targets at once, and 2 may be"
    assert names(state.holders) == ["run/b"]


@dataclass(frozen=True)
class Move:
    free: bool
    claim: Claim


_TARGETS = st.lists(st.sampled_from("abcd"), max_size=3, unique=True).map(tuple)
_CLAIMS = st.builds(
    Claim,
    st.sampled_from(["r1", "r2", "r3", "r4"]),
    st.just("e"),
    st.sampled_from(["x#1", "x#2"]),
    st.integers(0, 3),
    _TARGETS,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(Move, st.booleans(), _CLAIMS), max_size=25))
def test_whatever_happens_what_is_held_fits_and_nobody_is_overtaken(moves: list[Move]) -> None:
    state = EMPTY
    for at, move in enumerate(moves, 1):
        before = state
        if move.free:
            state = queue.freed(state, [move.claim], float(at))
        else:
            state = queue.asked(state, move.claim, float(at))
            answer = queue.answer(state, move.claim)
            assert bool(answer.refused) or any(
                queue.same(each, move.claim) for each in (*state.holders, *state.queue)
            )
        for claim in state.holders:
            assert queue.load(state.holders) <= claim.capacity
        if state.queue:
            head = state.queue[0]
            room = min(each.capacity for each in (*state.holders, head))
            assert queue.load((*state.holders, head)) > room, "the first one waits only for what is not there"
        moments = [claim.asked for claim in state.queue]
        assert moments == sorted(moments)
        for claim in queue.granted(before, state):
            assert all(claim.asked <= other.asked for other in state.queue), "nobody was overtaken"
        keys = [(each.run, each.id) for each in (*state.holders, *state.queue)]
        assert len(keys) == len(set(keys))
