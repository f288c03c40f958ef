"""Proofs, with real keys: what is signed is believed, and nothing else is."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import fields, replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from stanch.client.payloads import data_converter
from stanch.contract import Abort, Decision, Order, Proof, PublicKey, RunInput
from stanch.proof import (
    LIFETIME,
    SKEW,
    Message,
    Signable,
    find,
    key_id,
    key_problem,
    problem,
    public_text,
    sign,
    spent,
    statement,
)
from tests.support.keys import nonce, private, public
from tests.support.plans import everything, rollback
from tests.support.plans import given as run_input

RUN = "run/rollback-release/abc"
STARTED = 1_700_000_000.25
NOW = STARTED + 90
ALICE = public("alice", "alice")
DECISION = Decision("fix", "approve", "alice", "d" * 64, "because", values={"n": 1, "deep": {"x": [1.5]}})
ORDER = Order("retry", "alice", "again", step="fix", inputs={"host": "web1"}, items=(1, 2))
ABORT = Abort("alice", "wrong runbook")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
texts = st.text(st.characters(codec="utf-8"), max_size=20)


def signed(message: Any, name: str = "alice", at: float = NOW, started: float = STARTED) -> Any:
    return sign(private(name), message, RUN, started, at=at, nonce=nonce())


def judged(
    message: Signable, *keys: PublicKey, run: str = RUN, started: float = STARTED, **fields: Any
) -> str:
    used, at = fields.get("used", {}), fields.get("at", NOW)
    return problem(message, run, started, keys=keys or (ALICE,), used=used, at=at)


# --- what is signed is believed ---------------------------------------------------------------------------


@pytest.mark.parametrize("message", [DECISION, ORDER, ABORT], ids=lambda message: type(message).__name__)
def test_what_its_person_has_signed_is_believed(message: Message) -> None:
    assert judged(signed(message)) == ""


@given(values=st.dictionaries(texts, values, max_size=4), reason=texts)
def test_a_signature_survives_the_way_to_the_run(values: dict[str, Any], reason: str) -> None:
    said = signed(replace(DECISION, values=values, reason=reason))
    (payload,) = data_converter.payload_converter.to_payloads([said])
    (heard,) = data_converter.payload_converter.from_payloads([payload], [Decision])
    assert judged(heard) == ""


def test_whole_numbers_where_moments_belong_survive_the_way_too() -> None:
    key = replace(public("new", "alice"), start=1_700_000_000, end=1_800_000_000)
    said = signed(Order("trust", "alice", key=key), at=1_700_000_100)
    (payload,) = data_converter.payload_converter.to_payloads([said])
    (heard,) = data_converter.payload_converter.from_payloads([payload], [Order])
    assert judged(heard, at=1_700_000_100) == ""


def test_a_statement_is_as_it_was_in_histories_of_earlier_releases() -> None:
    """Fields at their default are left out, so that a field that is added later changes no old signature."""
    proof = Proof("0123456789ab", 1.0, 301.0, "n", "")
    said = b'stanch proof 1\n{"expires":301.0,"issued":1.0,"key":"0123456789ab","kind":"abort","nonce":"n",'
    said += b'"run":"run/a/b","says":{"by":"alice","reason":"why"},"started":2.5}'
    assert statement(Abort("alice", "why"), "run/a/b", 2.5, proof) == said


def test_the_start_of_a_run_is_believed_and_its_signature_survives_the_way_to_the_run() -> None:
    for which in (rollback(), everything()):
        start = run_input(which, {"n": 1, "f": 2.0, "deep": {"a": [None, True, "ü"]}}, started_by="alice")
        said = signed(start, started=0.0)
        (payload,) = data_converter.payload_converter.to_payloads([said])
        (heard,) = data_converter.payload_converter.from_payloads([payload], [RunInput])
        assert judged(heard, started=0.0) == ""
        other = replace(heard, policy=replace(heard.policy, self_approval=True))
        assert "is not for this" in judged(other, started=0.0)


def test_every_field_that_a_message_has_is_under_the_signature() -> None:
    for message in (DECISION, ORDER, ABORT):
        for spec in fields(message):
            if spec.name != "proof":
                other = replace(message, **{spec.name: _other(getattr(message, spec.name))})
                proof = Proof("k", 1.0, 2.0, "n", "")
                assert statement(message, RUN, STARTED, proof) != statement(other, RUN, STARTED, proof), spec


def _other(value: Any) -> Any:
    match value:
        case str():
            return f"{value}x"
        case None:
            return ALICE
        case tuple():
            return (*value, 7)
        case _:
            return {**value, "another": 1}


# --- nothing else is --------------------------------------------------------------------------------------

_JSON: TypeAdapter[Decision] = TypeAdapter(Decision)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Decision, str, float, Decision]:
    """A signed decision; and a run, its start and a decision, of which at least one differs by something."""
    said = signed(replace(DECISION, values=draw(st.dictionaries(texts, values, max_size=3))))
    other = replace(
        said,
        request=draw(st.just(said.request) | texts),
        choice=draw(st.just(said.choice) | st.sampled_from(["deny", "retry", "answer"])),
        by=draw(st.just(said.by) | texts),
        digest=draw(st.just(said.digest) | texts),
        reason=draw(st.just(said.reason) | texts),
        confirm=draw(st.just(said.confirm) | texts),
        via=draw(st.just(said.via) | texts),
        values=draw(st.just(said.values) | st.dictionaries(texts, values, max_size=3)),
        proof=replace(
            said.proof,
            issued=draw(st.just(said.proof.issued) | st.floats(NOW - 100, NOW)),
            expires=draw(st.just(said.proof.expires) | st.floats(NOW, NOW + 200)),
            nonce=draw(st.just(said.proof.nonce) | texts),
        ),
    )
    run = draw(st.just(RUN) | texts)
    started = draw(st.just(STARTED) | st.floats(0, 2e9))
    return other, run, started, said


@given(changes())
def test_any_change_of_message_run_or_start_makes_the_proof_worthless(
    changed: tuple[Decision, str, float, Decision],
) -> None:
    other, run, started, said = changed
    same = (run, started) == (RUN, STARTED) and json.dumps(_JSON.dump_python(other), sort_keys=True) == (
        json.dumps(_JSON.dump_python(said), sort_keys=True)
    )
    refused = judged(other, run=run, started=started)
    assert (refused == "") == same
    assert same or "is not for this" in refused


@given(st.data())
def test_any_other_signature_is_wrong(data: st.DataObject) -> None:
    said = signed(DECISION)
    text = said.proof.signature
    at = data.draw(st.integers(0, len(text) - 1))
    # Every signature is another one, so what is drawn may not depend on it.
    digits = data.draw(st.lists(st.sampled_from("ABCDwxyz0189-_"), min_size=2, max_size=2, unique=True))
    digit = next(each for each in digits if each != text[at])
    forged = replace(said, proof=replace(said.proof, signature=text[:at] + digit + text[at + 1 :]))
    assert "is not for this" in judged(forged)


@pytest.mark.parametrize("signature", ["", "x", "A" * 86, "ä" * 86, "A" * 100_000, "=" * 86])
def test_what_is_no_signature_at_all_is_refused_in_words(signature: str) -> None:
    said = signed(DECISION)
    assert "is not for this" in judged(replace(said, proof=replace(said.proof, signature=signature)))


def test_a_decision_is_no_order_even_with_the_same_words() -> None:
    proof = Proof("k", 1.0, 2.0, "n", "")
    assert statement(Abort("a", "b"), RUN, 1.0, proof) != statement(
        Decision("", "abort", "a"), RUN, 1.0, proof
    )
    said = signed(ABORT)
    order = Order("pause", said.by, said.reason, proof=said.proof)
    assert "is not for this" in judged(order)


def test_nobody_is_believed_with_a_key_that_nobody_knows() -> None:
    assert "is not one that this run believes" in judged(signed(DECISION, "mallory"))


def test_a_key_speaks_for_its_people_alone_and_a_gateway_for_all() -> None:
    of_bob = signed(replace(DECISION, by="bob"))
    assert judged(of_bob) == f"the key `{ALICE.id}` may not speak for bob; it speaks for alice"
    assert judged(of_bob, public("alice", "alice", "bob")) == ""
    assert judged(of_bob, public("alice")) == ""


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (-SKEW - 1, "61 s in the future"),
        (-SKEW, ""),
        (LIFETIME + SKEW, ""),
        (LIFETIME + SKEW + 1, "has expired 61 s ago"),
    ],
)
def test_a_proof_is_good_for_five_minutes_and_clocks_may_differ_by_one(later: float, why: str) -> None:
    assert why in judged(signed(DECISION), at=NOW + later)
    assert bool(judged(signed(DECISION), at=NOW + later)) == bool(why)


@pytest.mark.parametrize("expires", [NOW + LIFETIME + 1, NOW, NOW - 1, 1e308])
def test_nobody_can_sign_for_longer_than_that(expires: float) -> None:
    proof = replace(signed(DECISION).proof, expires=expires, nonce=nonce())
    raw = private("alice").sign(statement(DECISION, RUN, STARTED, proof))
    said = replace(DECISION, proof=replace(proof, signature=_text(raw)))
    assert "300 s at most" in judged(said)


@pytest.mark.parametrize("moment", [float("nan"), float("inf")])
def test_a_moment_that_is_none_is_refused(moment: float) -> None:
    said = signed(DECISION)
    for name in ("issued", "expires"):
        assert judged(replace(said, proof=replace(said.proof, **{name: moment})))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


# --- once -------------------------------------------------------------------------------------------------


def test_a_message_is_taken_once() -> None:
    said = signed(DECISION)
    used = spent(ALICE, said)
    assert "taken already" in judged(said, used=used)
    assert judged(signed(DECISION), used=used) == ""


def test_it_is_remembered_for_as_long_as_it_could_be_repeated() -> None:
    said = signed(DECISION)
    (until,) = spent(ALICE, said).values()
    assert judged(said, at=until) == ""
    assert "expired" in judged(said, at=until + 1)


def test_a_printed_code_signs_one_message_and_no_second() -> None:
    code = public("code", "alice", once=True)
    used = spent(code, signed(DECISION, "code"))
    assert "was used already" in judged(signed(ORDER, "code"), code, used=used)
    assert min(used.values()) < max(used.values()) == float("inf")


# --- rotation ---------------------------------------------------------------------------------------------


def test_while_keys_are_exchanged_both_are_believed_and_then_only_the_new_one() -> None:
    old, new = public("alice", "alice", end=NOW + 100), public("alice2", "alice", start=NOW - 100)
    for at, olds, news in (
        (NOW - 101, "", "not believed before"),
        (NOW, "", ""),
        (NOW + 100, "not believed since", ""),
    ):
        assert olds in judged(signed(DECISION, at=at), old, new, at=at)
        assert news in judged(signed(DECISION, "alice2", at), old, new, at=at)
        assert bool(judged(signed(DECISION, at=at), old, new, at=at)) == bool(olds)
        assert bool(judged(signed(DECISION, "alice2", at), old, new, at=at)) == bool(news)


def test_a_later_entry_of_a_key_stands_for_the_earlier_one() -> None:
    ended = public("alice", "alice", end=NOW - 1)
    assert find((ALICE, ended), ALICE.id) == ended
    assert "not believed since" in judged(signed(DECISION), ALICE, ended)


# --- incidents --------------------------------------------------------------------------------------------


def test_an_order_for_an_incident_is_for_all_of_its_runs_and_for_no_other_incident() -> None:
    said = signed(Order("hold", "alice", "stop", incident="INC-7"))
    assert judged(said, run="run/other/x", started=1.0) == ""
    assert "is not for this" in judged(replace(said, incident="INC-8"))
    assert "is not for this" in judged(replace(said, incident=""))


def test_a_run_that_hears_late_of_a_hold_stops_all_the_same_but_goes_on_by_no_old_word() -> None:
    later = NOW + 86_400
    hold = signed(Order("hold", "alice", "stop", incident="INC-7"))
    assert judged(hold, at=later) == ""
    assert "taken already" in judged(hold, at=later, used=spent(ALICE, hold))
    assert set(spent(ALICE, hold).values()) == {float("inf")}
    assert "expired" in judged(signed(Order("release", "alice", incident="INC-7")), at=later)
    assert "expired" in judged(signed(Order("hold", "alice", "stop")), at=later)


# --- keys -------------------------------------------------------------------------------------------------


def test_a_key_is_named_by_its_public_half() -> None:
    text = public_text(private("alice"))
    assert (len(text), len(key_id(text))) == (43, 12)
    assert key_problem(ALICE) == ""
    assert "the id of this key is" in key_problem(replace(ALICE, id="0" * 12))


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "B" * 43, "ä" * 43, "A" * 42 + "=", "+" * 43])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    assert "32 bytes" in key_problem(replace(ALICE, public=text))


@pytest.mark.parametrize(
    ("start", "end"), [(2.0, 1.0), (2.0, 2.0), (-1.0, 0.0), (0.0, 1e300), (float("nan"), 0.0)]
)
def test_a_window_without_an_inside_is_refused(start: float, end: float) -> None:
    assert key_problem(replace(ALICE, start=start, end=end))


WEAK = [
    "00" * 32,
    "00" * 31 + "80",
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ec" + "ff" * 30 + "7f",
]


@pytest.mark.parametrize("held", WEAK)
def test_a_key_for_which_anybody_can_sign_is_refused(held: str) -> None:
    raw = bytes.fromhex(held)
    text = _text(raw)
    weak = PublicKey(key_id(text), text, ("alice",))
    assert "anybody can sign" in key_problem(weak)
    # It is no theory: the point at infinity and zero are a signature under one of a few statements.
    forged = bytes([1]) + bytes(63)
    for number in range(200):
        proof = Proof(weak.id, NOW, NOW + 60, f"nonce-{number}", _text(forged))
        said = replace(DECISION, proof=proof)
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(forged, statement(said, RUN, STARTED, proof))
        except InvalidSignature:
            continue
        assert "is not for this" in judged(said, weak)
        return
    pytest.fail("nobody could sign for it")
