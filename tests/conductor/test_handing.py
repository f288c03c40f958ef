"""Roles change hands while something is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stanch.contract import Ladder, Rung, RunPolicy, Shift
from stanch.language.plan import Approval
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan

IC, LEAD = "incident_commander", "technical_lead"
POLICY = RunPolicy(
    ladders={IC: LADDER},
    roles={IC: ("alice",), LEAD: ("carol",)},
    groups={"sre": ("bob", "dave")},
    schedules={"primary": (Shift("erin"),)},
    acting="primary",
    named=True,
)
TWELVE_PAST_THREE = 1_772_334_720.0


def asking(policy: RunPolicy = POLICY, approval: Approval | None = None, revision: int = 2) -> Host:
    step = change(approval=approval or Approval((IC,)))
    host = Host(given(plan(step), policy=policy, revision=revision))
    host.now = TWELVE_PAST_THREE
    return host.start()


def test_a_handover_addresses_what_is_asked_to_the_new_holder() -> None:
    host = asking().after(60.0).order("handover", "alice", "end of shift", role=IC, to="bob")
    assert host.pages == [IC, IC]
    assert (host.paged[-1].people, host.paged[-1].handed) == (("bob",), True)
    assert host.request.asked == (f"{IC} (alice)", f"{IC} (bob)")
    assert host.request.holders == ("bob",)
    assert host.told("handover") == [
        f"alice handed {IC} to bob at 03:13 UTC: end of shift (unverified, via cli)"
    ]


def test_the_former_holder_is_refused_with_the_reason() -> None:
    host = asking().order("handover", "alice", role=IC, to="bob")
    refused = host.conductor.refusal(host.state, host.decision("approve", "alice"), host.now)
    assert refused == f"alice does not hold the role {IC}: alice handed {IC} to bob at 03:12 UTC"
    assert host.decide("approve", "bob").actions


@pytest.mark.parametrize("revision", [1, 2])
def test_the_ladder_starts_anew_for_the_new_holder(revision: int) -> None:
    host = asking(revision=revision).after(250.0).order("handover", "alice", role=IC, to="bob")
    (timer,) = host.timers.values()
    assert timer.seconds == 300.0
    assert host.request.until == host.now + LADDER.silence_after
    while host.finished is None:
        host.fire()
    assert host.outcome == "denied"
    assert host.now == TWELVE_PAST_THREE + 250.0 + LADDER.silence_after


def test_two_handovers_in_a_row() -> None:
    host = asking().order("handover", "alice", role=IC, to="bob").after(60.0)
    host.order("handover", "bob", role=IC, to="dave")
    for former in ("alice", "bob"):
        refused = host.conductor.refusal(host.state, host.decision("approve", former), host.now)
        assert f"bob handed {IC} to dave at 03:13 UTC" in refused
    assert "dave may do now" in host.refusal("handover", "bob", role=IC, to="bob")
    assert len(host.timers) == 1
    assert host.decide("approve", "dave").actions


def test_what_a_former_holder_said_towards_a_quorum_is_dropped() -> None:
    policy = replace(POLICY, roles={IC: ("alice", "gus")})
    host = asking(policy, Approval((IC,), quorum=2)).decide("approve", "alice")
    assert list(host.request.answers) == ["alice"]
    host.order("handover", "gus", role=IC, to="bob")
    assert not host.request.answers
    (told,) = host.told("dropped")
    assert told == f"alice's approval does not count any more: gus handed {IC} to bob at 03:12 UTC"
    host.decide("approve", "bob")
    assert not host.actions, "one of two"


def test_an_approval_for_another_role_stays() -> None:
    host = asking(POLICY, Approval((IC, LEAD), quorum=2, of_roles=2)).decide("approve", "carol")
    host.order("handover", "alice", role=IC, to="bob")
    assert host.request.answers == ("carol",)
    assert host.decide("approve", "bob").actions


def test_who_gets_a_second_role_does_not_speak_for_two() -> None:
    host = asking(POLICY, Approval((IC, LEAD), quorum=2, of_roles=2)).decide("approve", "carol")
    host.order("handover", "alice", role=IC, to="carol")
    refused = host.conductor.refusal(host.state, host.decision("approve", "carol"), host.now)
    assert refused == "carol has already approved; 2 different people are needed"
    host.order("handover", "carol", role=LEAD, to="bob")
    assert host.request.answers == ("carol",), "she commands now, and has agreed"
    assert host.decide("approve", "bob").actions


@pytest.mark.parametrize(
    ("by", "role", "to", "why"),
    [
        ("alice", IC, "alice", f"alice holds {IC} already"),
        ("alice", IC, "", "needs the name of the person"),
        ("alice", IC, " bob", "without spaces"),
        ("alice", IC, "bop", "the policy does not name `bop`; did you mean `bob`?"),
        ("alice", "incident_comander", "bob", f"knows no role `incident_comander`; did you mean `{IC}`?"),
        ("alice", "sre", "bob", "`sre` is a group of the policy; what is handed over is a role"),
        ("alice", "primary", "bob", "`primary` is a schedule of the policy"),
        ("alice", "carol", "bob", "this run knows no role `carol`"),
        ("bob", IC, "bob", f"bob may not hand over {IC}, which alice may do now"),
    ],
)
def test_a_handover_that_makes_no_sense_is_refused(by: str, role: str, to: str, why: str) -> None:
    assert why in asking().refusal("handover", by, role=role, to=to)


def test_a_handover_needs_a_reason() -> None:
    assert asking().refusal("handover", reason=" ", role=IC, to="bob") == "`handover` needs a reason"


def test_a_role_that_nobody_holds_may_be_taken() -> None:
    host = asking(replace(POLICY, roles={IC: (), LEAD: ()}))
    assert host.request.holders == ("erin",)
    assert host.refusal("handover", "bob", role=IC, to="carol")
    host.order("handover", "bob", role=IC, to="bob")
    assert host.told("handover") == [
        f"bob took {IC}, which nobody held, at 03:12 UTC: because (unverified, via cli)"
    ]
    assert host.request.holders == ("bob",)
    assert host.refusal("handover", "dave", role=IC, to="dave"), "somebody holds it now"


def test_who_is_acting_may_hand_the_command_over() -> None:
    host = asking(replace(POLICY, roles={IC: ()})).order("handover", "erin", role=IC, to="dave")
    assert host.request.holders == ("dave",)


def test_a_new_commander_answers_for_roles_that_nobody_holds() -> None:
    host = asking(replace(POLICY, roles={IC: ("alice",), LEAD: ()}), Approval((LEAD,)))
    assert host.request.holders == ("alice",)
    host.order("handover", "alice", role=IC, to="bob")
    assert host.request.holders == ("bob",)
    assert host.paged[-1].people == ("bob",)
    assert host.conductor.refusal(host.state, host.decision("approve", "alice"), host.now)


def test_a_new_commander_is_told_of_what_the_former_one_was_paged_about() -> None:
    ladder = Ladder((Rung(0.0, LEAD), Rung(60.0, IC), Rung(600.0, LEAD)), 1800.0)
    host = asking(replace(POLICY, ladders={LEAD: ladder}), Approval((LEAD,))).fire()
    assert host.pages == [LEAD, IC]
    until = host.request.until
    host.order("handover", "alice", role=IC, to="bob")
    assert host.pages == [LEAD, IC, IC]
    assert host.paged[-1].people == ("bob",)
    assert host.request.until == until, "it is asked of the same people as before"


def test_whose_shift_has_begun_in_a_pause_is_paged_when_the_role_becomes_theirs() -> None:
    """The page of the new shift waits for the resume, and would not come any more."""
    shifts = (Shift("dave", end=TWELVE_PAST_THREE + 60.0), Shift("erin", TWELVE_PAST_THREE + 60.0))
    host = asking(replace(POLICY, roles={IC: ()}, schedules={"primary": shifts}))
    assert host.paged[-1].people == ("dave",)
    host.order("pause").after(90.0).order("handover", "erin", "my shift", role=IC, to="erin")
    host.order("resume", "erin")
    assert host.paged[-1].people == ("erin",)


def test_a_handover_of_a_role_that_is_not_asked_pages_nobody() -> None:
    host = asking().order("handover", "alice", role=LEAD, to="bob")
    assert host.pages == [IC]
    assert host.told("handover") == [
        f"alice, who has the command, handed {LEAD} to bob at 03:12 UTC: because (unverified, via cli)"
    ]


def test_where_the_policy_names_nobody_a_role_can_be_claimed() -> None:
    host = asking(RunPolicy(ladders={IC: LADDER})).order("handover", "alice", role=IC, to="alice")
    assert "alice took over incident_commander" in host.told("handover")[0]
    assert "alice took over" in host.conductor.refusal(host.state, host.decision("approve", "bob"), host.now)
    assert host.decide("approve", "alice").actions
