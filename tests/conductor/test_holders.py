"""Who answers for a role, a group, a schedule or a person, and who may order what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stanch.conductor.authority.may_order import may_order
from stanch.conductor.authority.people import holders, listed, resolve
from stanch.contract import Order, RunPolicy, Shift
from stanch.language.plan import Approval, Child, Plan, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan

START = 1000.0
"""The moment at which a host's run starts."""
POLICY = RunPolicy(
    roles={"incident_commander": ("alice",), "technical_lead": ("bob", "database"), "scribe": ()},
    groups={"database": ("carol", "night")},
    schedules={
        "primary": (Shift("dave", end=2000.0), Shift("erin", 2000.0, 3000.0)),
        "night": (Shift("frank"),),
    },
    acting="primary",
    named=True,
)
NOBODY = replace(POLICY, roles={**POLICY.roles, "incident_commander": ()})


def host(policy: RunPolicy = POLICY, *roles: str) -> Host:
    approval = Approval(roles or ("incident_commander",))
    return Host(given(plan(change(approval=approval)), policy=policy, revision=2)).start()


@pytest.mark.parametrize(
    ("address", "at", "people"),
    [
        ("incident_commander", START, {"alice"}),
        ("technical_lead", START, {"bob", "carol", "frank"}),
        ("database", START, {"carol", "frank"}),
        ("primary", START, {"dave"}),
        ("primary", 1999.9, {"dave"}),
        ("primary", 2000.0, {"erin"}),
        ("primary", 3000.0, {"alice"}),
        ("scribe", START, {"alice"}),
        ("zoe", START, {"zoe"}),
    ],
)
def test_an_address_is_resolved_at_a_moment(address: str, at: float, people: set[str]) -> None:
    assert holders(host().state, address, at) == frozenset(people)


def test_without_a_policy_that_names_people_anybody_answers() -> None:
    state = host(RunPolicy()).state
    assert holders(state, "incident_commander", START) is None
    assert listed(None) == "anybody"


def test_groups_that_name_each_other_end() -> None:
    policy = replace(POLICY, groups={"database": ("storage", "carol"), "storage": ("database", "gus")})
    assert holders(host(policy).state, "database", START) == frozenset(("carol", "gus"))


def test_while_nobody_holds_the_command_who_is_on_call_has_it() -> None:
    state = host(NOBODY).state
    held = resolve(state, "incident_commander", START)
    assert held.people == frozenset(("dave",))
    assert held.why == "nobody holds incident_commander now; dave is on call (primary) and acting"
    assert holders(state, "incident_commander", 2000.0) == frozenset(("erin",))
    assert holders(state, "incident_commander", 3000.0) == frozenset()


def test_who_stands_in_is_told_once_and_paged() -> None:
    asked = host(NOBODY)
    why = "nobody holds incident_commander now; dave is on call (primary) and acting"
    assert asked.told("acting") == [why]
    assert asked.request.asked == ("incident_commander (dave)",)
    assert asked.request.holders == ("dave",)
    assert (asked.paged[0].to, asked.paged[0].people) == ("primary", ("dave",))
    assert asked.decide("approve", "dave").actions
    assert len(asked.told("acting")) == 1


def test_the_commander_answers_for_a_role_that_nobody_holds() -> None:
    asked = host(POLICY, "scribe")
    assert "nobody holds scribe now; the incident commander (alice) answers for it" in asked.told("acting")
    refused = asked.conductor.refusal(asked.state, asked.decision("approve", "bob"), START)
    assert refused.startswith("bob does not hold the role scribe: nobody holds scribe now")
    asked.decide("approve", "alice")
    assert asked.actions


def test_whose_shift_it_is_counts_when_the_decision_arrives() -> None:
    asked = host(POLICY, "primary")
    asked.decision("approve", "dave")
    asked.now = 2000.0
    refused = asked.conductor.refusal(asked.state, asked.decision("approve", "dave"), asked.now)
    assert refused == "dave does not hold the role primary: erin does"
    asked.decide("approve", "erin")
    assert asked.actions


def test_an_approval_outlives_the_shift_in_which_it_was_given() -> None:
    approval = Approval(("primary", "technical_lead"), quorum=2, of_roles=2)
    asked = Host(given(plan(change(approval=approval)), policy=POLICY, revision=2)).start()
    asked.decide("approve", "dave")
    asked.now = 2500.0
    asked.decide("approve", "bob")
    assert asked.actions, "dave spoke for `primary` when it was his"


def test_one_person_in_two_roles_counts_once() -> None:
    policy = replace(POLICY, roles={"incident_commander": ("alice", "bob"), "technical_lead": ()})
    approval = Approval(("incident_commander", "technical_lead"), quorum=2, of_roles=2)
    asked = Host(given(plan(change(approval=approval)), policy=policy, revision=2)).start()
    asked.decide("approve", "alice")
    refused = asked.conductor.refusal(asked.state, asked.decision("approve", "alice"))
    assert refused == "alice has already approved; 2 different people are needed"
    asked.decide("approve", "bob")
    assert asked.actions


def test_whoever_started_the_run_does_not_count_in_a_group_either() -> None:
    asked = Host(
        given(plan(change(approval=Approval(("database",)))), policy=POLICY, revision=2, started_by="carol")
    ).start()
    assert "carol started this run" in asked.conductor.refusal(
        asked.state, asked.decision("approve", "carol")
    )
    assert not asked.conductor.refusal(asked.state, asked.decision("approve", "frank"))


@pytest.mark.parametrize(
    ("verb", "by", "fields", "why"),
    [
        ("pause", "zoe", {}, ""),
        ("hold", "zoe", {}, ""),
        ("acknowledge", "frank", {}, ""),
        ("acknowledge", "zoe", {}, "the policy does not name zoe"),
        ("resume", "alice", {}, ""),
        ("resume", "bob", {}, ""),
        ("resume", "frank", {}, ""),
        ("resume", "dave", {}, "dave does not hold the role incident_commander or technical_lead"),
        ("severity", "zoe", {"to": "SEV1"}, "zoe does not hold the role"),
        ("skip", "carol", {"step": "fix"}, ""),
        ("skip", "dave", {"step": "fix"}, "dave does not hold the role"),
        ("skip", "bob", {"step": "later"}, "bob does not hold the role incident_commander or scribe"),
        ("skip", "alice", {"step": "later"}, ""),
        ("skip", "bob", {"step": "nowhere"}, "bob does not hold the role incident_commander: alice does"),
        ("withdraw", "alice", {}, "alice has decided nothing that could be withdrawn"),
        ("handover", "dave", {"role": "incident_commander", "to": "dave"}, "which alice may do now"),
        ("handover", "alice", {"role": "technical_lead", "to": "dave"}, ""),
        ("handover", "bob", {"role": "technical_lead", "to": "dave"}, ""),
        ("handover", "zoe", {"role": "scribe", "to": "zoe"}, ""),
        ("handover", "zoe", {"role": "scribe", "to": "dave"}, "zoe may not hand over scribe"),
    ],
)
def test_who_may_give_which_order(verb: str, by: str, fields: dict[str, str], why: str) -> None:
    steps = plan(
        change(approval=Approval(("technical_lead",))), change("later", approval=Approval(("scribe",)))
    )
    asked = Host(
        given(steps, policy=replace(POLICY, roles={**POLICY.roles, "scribe": ("dave",)}), revision=2)
    )
    if verb == "handover" and fields["role"] == "scribe":
        asked = Host(given(steps, policy=POLICY, revision=2))
    asked.start()
    order = Order(verb, by, "why", **fields)  # type: ignore[arg-type]
    refused = may_order(asked.state, order, asked.now)
    assert why in refused
    assert bool(why) == bool(refused)


def test_who_answers_for_a_block_or_a_child_may_skip_what_is_in_it() -> None:
    lead, scribe = Approval(("technical_lead",)), Approval(("incident_commander",))
    block = Step(id="all", steps=(change("one", approval=scribe),), approval=lead)
    call = Step(id="call", child=Child("inner", {}))
    inner = Plan("inner", "Inner", "rollback", "me", (change("two", approval=lead),))
    which = replace(plan(block, call), children={"inner": inner})
    asked = Host(given(which, policy=POLICY, revision=2)).start().decide("approve", "bob")
    assert not may_order(asked.state, Order("skip", "bob", "why", step="one"), asked.now)
    asked.succeed()
    assert asked.request.step == "call/two"
    assert not may_order(asked.state, Order("skip", "bob", "why", step="call/two"), asked.now)
    assert may_order(asked.state, Order("skip", "dave", "why", step="call/two"), asked.now)
