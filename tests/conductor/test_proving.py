"""Who said it, inside of a run: what is refused, what is remembered, what the timeline tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import pytest

from stanch.conductor.describe import view
from stanch.conductor.events import (
    AbortRequested,
    AlertReported,
    DecisionGiven,
    DecisionRefused,
    OrderGiven,
    RunStarted,
)
from stanch.conductor.signals import decision_from_signal
from stanch.contract import Abort, Decision, IncidentRef, Order, Proof, PublicKey, RunPolicy
from stanch.errors import IllegalEvent
from stanch.language.plan import Approval, Revert
from stanch.proof import sign
from tests.support.host import Host
from tests.support.keys import nonce, private, public
from tests.support.plans import LADDER, change, given, plan

M = TypeVar("M", Decision, Abort, Order)

ALICE, BOB = public("alice", "alice"), public("bob", "bob")
GATEWAY = public("gateway")
CODE = public("code", "alice", once=True)
KEYS = (ALICE, BOB, GATEWAY, CODE)


def asking(
    *, unsigned: Any = "refuse", keys: tuple[PublicKey, ...] = KEYS, quorum: int = 1, **fields: Any
) -> Host:
    policy = RunPolicy(ladders={"incident_commander": LADDER}, unsigned=unsigned, keys=keys)
    approval = Approval(("incident_commander",), quorum=quorum)
    return Host(
        given(plan(change(approval=approval, on_failure="ask")), policy=policy, revision=2, **fields)
    ).start()


def signed(host: Host, message: M, name: str = "alice") -> M:
    return sign(private(name), message, host.state.run, host.state.started, at=host.now, nonce=nonce())


def approve(host: Host, name: str = "alice", by: str = "alice", **fields: Any) -> Decision:
    return signed(host, host.decision("approve", by, **fields), name)


def refused(host: Host, decision: Decision) -> str:
    return host.conductor.refusal(host.state, decision, host.now)


def order_refused(host: Host, order: Order) -> str:
    return host.conductor.order_refusal(host.state, order, host.now)


# --- decisions --------------------------------------------------------------------------------------------


def test_a_signed_approval_is_taken_and_the_timeline_names_the_key() -> None:
    host = asking()
    host.feed(DecisionGiven(host.now, approve(host)))
    assert host.actions
    assert host.told("decided") == [f"approve by alice (verified, key {ALICE.id}, via cli): because"]


def test_without_a_proof_nothing_is_taken_where_the_policy_refuses_it() -> None:
    host = asking()
    assert "takes nothing without a proof" in refused(host, host.decision("approve"))
    with pytest.raises(IllegalEvent, match="without a proof"):
        host.decide("approve")
    assert not host.actions


def test_where_the_policy_accepts_it_the_timeline_says_that_it_is_unverified() -> None:
    host = asking(unsigned="accept").decide("approve")
    assert host.told("decided") == ["approve by alice (unverified, via cli): because"]


def test_a_key_that_nobody_knows_is_worth_as_much_as_none() -> None:
    strict, lenient = asking(), asking(unsigned="accept")
    assert "is not one that this run believes" in refused(strict, approve(strict, "mallory"))
    lenient.feed(DecisionGiven(lenient.now, approve(lenient, "mallory")))
    assert "(unverified, nobody here knows the key" in lenient.told("decided")[0]


def test_a_wrong_proof_by_a_known_key_is_refused_even_where_none_is_needed() -> None:
    host = asking(unsigned="accept")
    assert "may not speak for bob" in refused(host, approve(host, "alice", "bob"))
    assert "is not for this" in refused(host, replace(approve(host), reason="another"))


def test_a_proof_for_another_run_or_for_an_earlier_one_of_the_same_name_is_refused() -> None:
    host = asking()
    other = sign(
        private("alice"), host.decision("approve"), "run/x/y", host.state.started, at=host.now, nonce=nonce()
    )
    earlier = sign(
        private("alice"), host.decision("approve"), host.state.run, host.now - 1, at=host.now, nonce=nonce()
    )
    assert "another run" in refused(host, other)
    assert "another run" in refused(host, earlier)


def test_a_proof_for_another_request_is_refused() -> None:
    host = asking()
    said = approve(host)
    host.feed(DecisionGiven(host.now, said))
    host.fail()
    moved = replace(said, request=host.request.id, digest=host.request.digest, choice="retry")
    assert "another request" in refused(host, moved)


def test_a_decision_that_came_too_late_is_refused_by_the_run_s_own_clock() -> None:
    host = asking()
    said = approve(host)
    assert refused(host, said) == ""
    host.after(400)
    assert "has expired 100 s ago" in refused(host, said)


def test_the_same_message_again_has_no_second_effect() -> None:
    host = asking(quorum=3)
    said = approve(host)
    host.feed(DecisionGiven(host.now, said))
    again = replace(host.state, requests={k: replace(v, given=()) for k, v in host.state.requests.items()})
    assert "taken already" in host.conductor.refusal(again, said, host.now)


def test_proofs_are_forgotten_when_they_could_not_be_repeated_anyway() -> None:
    host = asking(quorum=3)
    host.feed(DecisionGiven(host.now, approve(host)))
    (first,) = host.state.used
    host.after(1000).feed(DecisionGiven(host.now, approve(host, "bob", "bob")))
    assert first not in host.state.used
    assert len(host.state.used) == 1


def test_a_gateway_speaks_for_whom_it_has_asked_who_they_are() -> None:
    host = asking()
    host.feed(DecisionGiven(host.now, approve(host, "gateway", "carol")))
    assert host.told("decided") == [f"approve by carol (verified, key {GATEWAY.id}, via cli): because"]


# --- signals ----------------------------------------------------------------------------------------------


def as_signal(said: Decision) -> dict[str, Any]:
    assert said.proof is not None
    proof = {name: getattr(said.proof, name) for name in ("key", "issued", "expires", "nonce", "signature")}
    return {
        "request": said.request,
        "digest": said.digest,
        "by": said.by,
        "reason": said.reason,
        "via": said.via,
        "proof": proof,
    }


def test_a_signal_can_carry_a_proof() -> None:
    host = asking()
    for via in ("signal", "cli"):
        said = decision_from_signal("approve", as_signal(approve(host, via=via)))
        assert refused(host, said) == ""


def test_without_a_proof_a_signal_cannot_pretend_to_have_come_another_way() -> None:
    assert decision_from_signal("approve", {"by": "eve", "via": "cli"}).via == "signal"


@pytest.mark.parametrize(
    "proof",
    [
        "yes",
        7,
        [],
        {},
        {"key": 7, "issued": "now", "expires": None, "nonce": [], "signature": {}},
        {"key": ALICE.id, "issued": 10**400, "expires": float("nan"), "nonce": "n", "signature": "A" * 86},
        {"key": ALICE.id, "issued": float("inf"), "expires": float("-inf"), "signature": "x" * 100_000},
    ],
)
def test_nonsense_in_a_signal_s_proof_is_refused_and_breaks_nothing(proof: Any) -> None:
    host = asking()
    answer = {**as_signal(approve(host)), "proof": proof}
    assert refused(host, decision_from_signal("approve", answer))


def test_a_refused_signal_is_seen_and_has_no_effect() -> None:
    host = asking()
    said = decision_from_signal(
        "approve", {"request": host.request.id, "digest": host.request.digest, "by": "eve"}
    )
    why = refused(host, said)
    host.feed(DecisionRefused(host.now, said, why))
    assert host.told("refused")[0].startswith(
        "approve by eve refused: this run takes nothing without a proof"
    )
    assert not host.actions


# --- aborts and orders ------------------------------------------------------------------------------------


def test_an_abort_needs_a_proof_too_but_a_cancellation_by_temporal_does_not() -> None:
    host = asking()
    abort = Abort("alice", "wrong runbook")
    assert "without a proof" in host.conductor.abort_refusal(host.state, abort, host.now)
    with pytest.raises(IllegalEvent, match="without a proof"):
        host.feed(AbortRequested(host.now, "alice", "wrong runbook", abort))
    host.feed(AbortRequested(host.now, "Temporal", "the workflow was cancelled there"))
    assert host.outcome == "aborted"


def test_a_signed_abort_is_obeyed_once() -> None:
    host = asking()
    said = signed(host, Abort("alice", "wrong runbook"))
    host.feed(AbortRequested(host.now, said.by, said.reason, said))
    assert host.outcome == "aborted"
    assert host.told("aborted") == [f"alice ends the run: wrong runbook (verified, key {ALICE.id}, via cli)"]
    assert "has ended" in host.conductor.abort_refusal(host.state, said, host.now)


def test_an_order_for_an_incident_moves_only_its_own_runs() -> None:
    order = Order("trust", "alice", key=public("alice2", "alice"), incident="INC-7")
    inside = asking(incident=IncidentRef("INC-7", "SEV2"))
    assert order_refused(inside, signed(inside, order)) == ""
    outside = asking()
    assert "does not belong to the incident" in order_refused(outside, signed(outside, order))


def test_a_run_that_hears_late_of_its_incident_s_hold_still_stops() -> None:
    host = asking(incident=IncidentRef("INC-7", "SEV2"))
    order = Order("hold", "alice", "stop", incident="INC-7")
    assert "without a proof" in order_refused(host, order)
    said = signed(host, order)
    host.after(900).feed(OrderGiven(host.now, said))
    assert "alice" in host.state.held


# --- breaking the glass -----------------------------------------------------------------------------------


def test_a_printed_code_approves_once_and_the_review_speaks_of_it() -> None:
    host = asking(quorum=3)
    host.feed(DecisionGiven(host.now, approve(host, "code", via="break_glass")))
    assert host.told("decided") == [
        f"approve by alice (verified, printed code {CODE.id}, via break_glass): because"
    ]
    (told,) = host.told("break_glass")
    assert told.startswith("alice broke the glass: approve of `fix`")
    (agenda,) = host.state.agenda
    assert f"take the code {CODE.id} out of the policy" in agenda
    again = signed(host, Abort("alice", "stop"), "code")
    assert "was used already" in host.conductor.abort_refusal(host.state, again, host.now)


def test_a_code_is_used_up_for_as_long_as_the_run_goes_on() -> None:
    host = asking(quorum=3)
    host.feed(DecisionGiven(host.now, approve(host, "code")))
    host.after(1000).feed(DecisionGiven(host.now, approve(host, "bob", "bob")))
    again = signed(host, Abort("alice", "stop"), "code")
    assert "was used already" in host.conductor.abort_refusal(host.state, again, host.now)


def test_an_abort_with_a_printed_code_is_on_the_agenda() -> None:
    host = asking()
    said = signed(host, Abort("alice", "stop", via="break_glass"), "code")
    host.feed(AbortRequested(host.now, said.by, said.reason, said))
    assert "abort of the run (stop)" in host.state.agenda[0]


def test_an_order_is_remembered_like_a_decision() -> None:
    host = asking()
    said = trust(host, public("alice2", "alice"))
    host.feed(OrderGiven(host.now, said))
    assert "taken already" in order_refused(host, said)


def test_a_clock_that_was_put_back_makes_no_old_proof_good_again() -> None:
    host = asking()
    said = approve(host)
    host.after(1000).feed(AlertReported(host.now, "firing"))
    assert "has expired" in host.conductor.refusal(host.state, said, host.now - 1000)


# --- letting keys in --------------------------------------------------------------------------------------


def trust(host: Host, key: PublicKey | None, name: str = "alice", by: str = "alice") -> Order:
    return signed(host, Order("trust", by, key=key), name)


def test_who_is_believed_can_let_in_a_new_key_of_theirs() -> None:
    host = asking()
    new = public("alice2", "alice", end=host.now + 86_400)
    assert "is not one" in refused(host, approve(host, "alice2"))
    host.feed(OrderGiven(host.now, trust(host, new)))
    assert refused(host, approve(host, "alice2")) == ""
    assert host.told("trusted")[0].startswith(f"alice trusts the key {new.id} for alice until 1970-")


def test_a_key_is_taken_out_by_letting_it_end_now() -> None:
    host = asking()
    host.feed(OrderGiven(host.now, trust(host, replace(ALICE, end=host.now))))
    assert "is not believed since" in refused(host, approve(host))
    assert refused(host, approve(host, "bob", "bob")) == ""


def test_a_gateway_s_key_lets_in_any_other() -> None:
    host = asking()
    assert order_refused(host, trust(host, public("gateway2"), "gateway", "operator")) == ""
    assert order_refused(host, trust(host, public("carol", "carol"), "gateway", "operator")) == ""


@pytest.mark.parametrize(
    ("key", "name", "why"),
    [
        (public("bob2", "bob"), "alice", "may not let in a key of bob"),
        (public("both", "alice", "bob"), "alice", "may not let in a key of bob"),
        (public("gateway2"), "alice", "may not let in a gateway"),
        (replace(BOB, speaks_for=("alice",)), "alice", "may not let in a key of bob"),
        (replace(GATEWAY, speaks_for=("alice",)), "alice", "may not let in a gateway"),
        (public("alice2", "alice"), "code", "a printed code lets no key in"),
        (public("alice2", "alice"), "mallory", "with a key that this run believes already"),
        (replace(public("alice2", "alice"), id="0" * 12), "alice", "the id of this key is"),
        (replace(public("alice2", "alice"), public="A" * 43), "alice", "anybody can sign"),
        (public("alice2", "alice", start=2.0, end=1.0), "alice", "until before"),
        (None, "alice", "needs the key"),
    ],
)
def test_a_key_that_is_not_theirs_to_let_in_stays_out(key: PublicKey | None, name: str, why: str) -> None:
    for unsigned in ("refuse", "accept"):
        host = asking(unsigned=unsigned)
        assert why in order_refused(host, trust(host, key, name))


def test_nobody_lets_a_key_in_without_a_proof_even_where_none_is_needed() -> None:
    host = asking(unsigned="accept")
    bare = Order("trust", "alice", key=public("alice2", "alice"))
    assert "needs a proof" in order_refused(host, bare)
    forged = replace(bare, proof=Proof(ALICE.id, host.now, host.now + 60, "n", "A" * 86))
    assert "is not for this" in order_refused(host, forged)


# --- who has started it ------------------------------------------------------------------------------------


def begun(
    name: str = "",
    by: str = "alice",
    *,
    unsigned: Any = "refuse",
    keys: tuple[PublicKey, ...] = KEYS,
    late: float = 0.0,
    asked: float = 0.0,
    **other: Any,
) -> Host:
    """A run that is said to be started by `by`, and whose start the key `name` has signed."""
    policy = RunPolicy(ladders={"incident_commander": LADDER}, unsigned=unsigned, keys=keys)
    step = change(approval=Approval(("incident_commander",)), on_failure="ask")
    start = given(plan(step), policy=policy, started_by=by)
    host = Host(start)
    if name:
        start = sign(private(name), start, host.state.run, 0.0, at=host.now - late, nonce=nonce())
    host = Host(replace(start, **other))
    return host.feed(RunStarted(host.now, asked))


def starter(host: Host) -> str:
    """How sure it is who has started it: the timeline and the run's page say the same."""
    (told,) = [moment.text for moment in host.state.timeline if moment.kind == "run_started"]
    seen = view(host.state, host.now)
    assert told.endswith(
        f"started by {seen.started_by} ({seen.starter})" if seen.starter else seen.started_by
    )
    return seen.starter


def test_a_start_is_verified_by_the_key_of_whoever_is_said_to_have_started_it() -> None:
    assert starter(begun("alice")) == f"verified, key {ALICE.id}"
    assert starter(begun("gateway", "alert:alertmanager")) == f"verified, key {GATEWAY.id}"


def test_where_nobody_has_a_key_nothing_is_said_of_it() -> None:
    assert starter(begun(unsigned="accept", keys=())) == ""


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (begun(), "unverified"),
        (begun(unsigned="accept"), "unverified"),
        (begun("mallory"), "unverified, nobody here knows the key"),
        (begun("alice", "bob"), "may not speak for bob"),
        (begun("alice", late=400.0), "has expired"),
        (begun("alice", inputs={}), "is not for this"),
        (begun("alice", plan=plan(change("other"))), "is not for this"),
        (begun("code"), "a printed code starts no run"),
    ],
)
def test_a_run_begins_whoever_has_started_it_and_says_what_is_not_proven(host: Host, why: str) -> None:
    assert why in starter(host)
    assert starter(host).startswith("unverified")
    assert host.request.kind == "approval"


def test_a_start_that_no_worker_saw_in_time_was_signed_in_time() -> None:
    host = begun("alice", late=900.0)
    assert "has expired" in starter(host)
    assert starter(begun("alice", late=900.0, asked=host.now - 899.0)) == f"verified, key {ALICE.id}"


def test_who_has_signed_the_start_does_not_approve_whoever_they_say_it_was() -> None:
    host = begun("alice", "bob")
    for name in ("alice", "bob"):
        assert "started this run and may not approve" in refused(host, approve(host, name, name))
    assert refused(begun("gateway"), approve(begun("gateway"), "bob", "bob")) == ""


def test_a_run_that_is_left_behind_claims_no_proof_of_its_parent() -> None:
    policy = RunPolicy(ladders={"incident_commander": LADDER}, keys=KEYS)
    lent = change(revert=Revert("after", after="1h"))
    start = given(plan(lent), policy=policy, started_by="alice")
    run = Host(start).state.run
    host = Host(sign(private("alice"), start, run, 0.0, at=Host(start).now, nonce=nonce())).start()
    host.decide("approve", by="bob").succeed({})
    assert host.finished is not None
    (behind,) = host.finished.followups
    assert (host.state.starter, behind.given.proof) == (f"verified, key {ALICE.id}", None)
