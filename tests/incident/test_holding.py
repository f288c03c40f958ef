"""Hold fire on the state alone: who has to be told, what later runs hear, and when the incident lets go."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stanch.client.payloads import data_converter
from stanch.contract import IncidentInput, IncidentView, Join, Look, Order, PublicKey, TellTask, Told
from stanch.incident import holding
from stanch.proof import key_id, public_text, sign

AT = 1000.0
HOLD = Order("hold", by="alice", reason="the wrong cluster", incident="db-down")
RELEASE = Order("release", by="alice", incident="db-down")


def of(*runs: str) -> IncidentView:
    state = IncidentView("db-down")
    for place, run in enumerate(runs):
        state = holding.joined(state, Join(run), AT + place)
    return state


def told(state: IncidentView, run: str, answer: Told, order: Order | None = None) -> IncidentView:
    joined = next((member.joined for member in state.members if member.run == run), 0.0)
    order = order or state.order
    assert order is not None
    return holding.answered(state, TellTask(run, joined, order), answer, AT)


def obeyed(state: IncidentView) -> IncidentView:
    for member in list(holding.to_tell(state)):
        state = told(state, member.run, Told("obeyed"))
    return state


def waiting(state: IncidentView) -> list[str]:
    return [member.run for member in holding.to_tell(state)]


def held(state: IncidentView) -> dict[str, bool]:
    return {member.run: member.held for member in state.members}


def test_a_hold_is_told_to_every_run_and_is_the_answer_to_those_that_join_later() -> None:
    state = holding.ordered(of("a", "b"), HOLD, AT)
    assert waiting(state) == ["a", "b"]
    assert state.held == "alice put the incident db-down on hold at 00:16 UTC: the wrong cluster"
    state = holding.joined(obeyed(state), Join("c"), AT)
    assert (waiting(state), held(state)) == ([], {"a": True, "b": True, "c": True})


def test_a_run_that_joins_again_under_its_id_is_told_for_it_may_have_begun_before() -> None:
    state = holding.joined(holding.ordered(of("a"), HOLD, AT), Join("a"), AT + 5)
    assert waiting(state) == ["a"]
    assert len(state.members) == 1


def test_a_run_that_has_ended_drops_out() -> None:
    state = holding.ordered(of("a", "b"), HOLD, AT)
    state = told(state, "a", Told("gone", "it has ended"))
    assert [member.run for member in state.members] == ["b"]


def test_an_answer_to_an_older_order_settles_nothing() -> None:
    state = holding.ordered(holding.ordered(of("a"), HOLD, AT), RELEASE, AT)
    assert waiting(told(state, "a", Told("obeyed"), HOLD)) == ["a"]
    assert waiting(told(state, "a", Told("obeyed"), RELEASE)) == []


def test_an_answer_of_an_earlier_run_under_the_same_id_settles_nothing() -> None:
    state = holding.ordered(of("a"), HOLD, AT)
    earlier = TellTask("a", AT - 500, HOLD)
    assert holding.answered(state, earlier, Told("gone", "it has ended"), AT) == state


def test_a_refusal_is_kept_and_named_and_the_next_order_asks_again() -> None:
    state = obeyed(holding.ordered(of("a", "b"), HOLD, AT))
    state = holding.ordered(state, RELEASE, AT)
    state = told(told(state, "a", Told("refused", "bob is not the commander")), "b", Told("obeyed"))
    assert holding.refused(state) == "a: bob is not the commander"
    assert held(state) == {"a": True, "b": False}
    assert state.held
    again = holding.ordered(state, replace(RELEASE, by="carol"), AT)
    assert (waiting(again), holding.refused(again)) == (["a"], "")


def test_who_joined_while_the_others_were_released_is_released_too() -> None:
    state = holding.ordered(obeyed(holding.ordered(of("a"), HOLD, AT)), RELEASE, AT)
    state = holding.let_go(obeyed(holding.joined(state, Join("late"), AT)))
    assert (state.held, waiting(state)) == ("", ["late"])
    assert held(obeyed(state)) == {"a": False, "late": False}


def test_a_second_hold_tells_only_those_that_are_not_held() -> None:
    state = told(holding.ordered(of("a", "b"), HOLD, AT), "a", Told("obeyed"))
    state = told(state, "b", Told("refused", "the proof is wrong"))
    state = holding.ordered(state, replace(HOLD, by="bob", reason="again"), AT)
    assert waiting(state) == ["b"]
    assert state.held.endswith("again")


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (replace(HOLD, reason=" "), "`hold` needs a reason"),
        (replace(HOLD, by=" "), "needs the name of the person"),
        (replace(HOLD, incident="other"), "is for the incident other, and this is db-down"),
        (replace(HOLD, verb="pause"), "takes `hold`, `release` and `trust`, not `pause`"),
        (RELEASE, "the incident db-down is not on hold"),
        (HOLD, ""),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_the_reason(order: Order, why: str) -> None:
    refusal = holding.refusal(of("a"), order, AT)
    assert why in refusal
    assert bool(refusal) == bool(why)


def test_a_release_makes_sense_while_any_run_is_still_held() -> None:
    state = obeyed(holding.ordered(of("a"), HOLD, AT))
    assert holding.refusal(replace(state, held=""), RELEASE, AT) == ""


def test_the_summary_names_who_did_not_obey_and_who_is_silent() -> None:
    state = holding.ordered(of("a", "b", "c"), HOLD, AT)
    state = told(told(state, "a", Told("obeyed")), "b", Told("refused", "no proof"))
    assert holding.summary(state) == (
        "the incident db-down is on hold (1 of 3 runs); still being told: c; NOT OBEYED by b: no proof"
    )


def test_a_look_drops_the_runs_that_have_ended_but_not_one_that_has_joined_anew() -> None:
    state = of("a", "b")
    look = Look(state.members)
    state = holding.joined(state, Join("b"), AT + 50)
    state = holding.left(state, look, {"a": "it has ended", "b": "it has ended"}, AT + 60)
    assert [member.run for member in state.members] == ["b"]
    assert not holding.is_over(state)


def test_an_incident_is_over_without_runs_unless_it_is_on_hold() -> None:
    state = holding.ordered(of("a"), HOLD, AT)
    without = holding.left(state, Look(state.members), {"a": "it has ended"}, AT)
    assert not holding.is_over(without)
    assert holding.is_over(holding.let_go(without))


# --- whose word counts -------------------------------------------------------------------------------------


def key_of(private: Ed25519PrivateKey, *people: str) -> PublicKey:
    public = public_text(private)
    return PublicKey(key_id(public), public, speaks_for=people)


OLD, NEW, OTHERS = (Ed25519PrivateKey.generate() for _ in range(3))


def trust(key: PublicKey, by: Ed25519PrivateKey, nonce: str = "n") -> Order:
    order = Order("trust", by="alice", incident="db-down", key=key)
    return sign(by, order, "", 0.0, at=AT, nonce=nonce)


def test_a_key_that_a_believed_one_lets_in_is_believed_from_then_on() -> None:
    state = replace(of("a"), unsigned="refuse", keys=(key_of(OLD, "alice"),))
    signed = sign(NEW, HOLD, "", 0.0, at=AT, nonce="h")
    assert "is not one that" in holding.refusal(state, signed, AT)
    order = trust(key_of(NEW, "alice"), OLD)
    assert holding.refusal(state, order, AT) == ""
    state = holding.trusted(state, order, AT)
    assert holding.refusal(state, signed, AT) == ""
    assert state.timeline[-1].text.startswith("alice trusts the key")
    assert "taken already" in holding.refusal(state, order, AT)


def test_a_key_that_was_stolen_is_taken_out() -> None:
    stolen = key_of(OLD, "alice")
    state = replace(of("a"), unsigned="refuse", keys=(stolen, key_of(NEW, "alice")))
    state = holding.trusted(state, trust(replace(stolen, end=AT), NEW), AT)
    assert "is not believed since" in holding.refusal(state, sign(OLD, HOLD, "", 0.0, at=AT, nonce="h"), AT)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (trust(key_of(NEW, "alice"), NEW), "a key that this incident believes already"),
        (trust(key_of(NEW, "bob"), OLD), "may not let in a key of bob"),
        (trust(key_of(NEW), OLD), "may not let in a gateway"),
        (replace(trust(key_of(NEW, "alice"), OLD), key=key_of(OTHERS, "alice")), "is not for this"),
        (replace(trust(key_of(NEW, "alice"), OLD), key=None), "needs the key"),
        (Order("trust", by="alice", incident="db-down", key=key_of(NEW, "alice")), "needs a proof"),
    ],
)
def test_nobody_lets_in_a_key_that_is_not_theirs_to_let_in(order: Order, why: str) -> None:
    for unsigned in get_args(Literal["accept", "refuse"]):
        state = replace(of("a"), unsigned=unsigned, keys=(key_of(OLD, "alice"),))
        assert why in holding.refusal(state, order, AT)


def test_the_timeline_is_bounded() -> None:
    state = of(*(f"r{number}" for number in range(300)))
    assert (len(state.timeline), len(state.members)) == (200, 300)


PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_text(PRIVATE)
STRICT = IncidentView(
    "db-down", unsigned="refuse", keys=(PublicKey(key_id(PUBLIC), PUBLIC, speaks_for=("alice",)),)
)


def signed(order: Order) -> Order:
    return sign(PRIVATE, order, "", 0.0, at=AT, nonce="n1")


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (HOLD, "takes nothing without a proof"),
        (replace(signed(HOLD), reason="another one"), "is not for this"),
        (signed(replace(HOLD, by="bob")), "may not speak for bob"),
        (signed(HOLD), ""),
    ],
)
def test_where_proofs_are_wanted_an_order_needs_one_that_is_right(order: Order, why: str) -> None:
    refusal = holding.refusal(STRICT, order, AT)
    assert why in refusal
    assert bool(refusal) == bool(why)


def test_a_proof_is_taken_once_and_its_order_is_told_as_verified() -> None:
    state = holding.ordered(STRICT, signed(HOLD), AT)
    assert f"verified, key {key_id(PUBLIC)}" in state.timeline[-1].text
    assert "taken already" in holding.refusal(state, signed(HOLD), AT + 1)


def test_a_state_that_is_handed_on_keeps_what_it_remembers() -> None:
    state = holding.ordered(STRICT, signed(HOLD), AT)
    converter = data_converter.payload_converter
    (payload,) = converter.to_payloads([IncidentInput(state)])
    assert converter.from_payload(payload, IncidentInput) == IncidentInput(state)
