"""Who answers for a role, a group, a schedule or a person, and who may order what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.conductor.authority.may_order import may_order
from stanch.conductor.authority.people import holders, listed, resolve
from stanch.conductor.events import AbortRequested
from stanch.contract import Abort, Order, RunPolicy, Shift
from stanch.errors import IllegalEvent
from stanch.language.plan import Approval, Call, Child, Plan, Step
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


def test_a_name_that_the_policy_does_not_know_is_a_role_that_nobody_holds() -> None:
    policy = replace(POLICY, people=("alice", "bob", "carol"))
    hand = Step(
        id="m", title="Look", call=Call("manual", {"who": "${{ inputs.team }}", "do": "x"}), timeout=60.0
    )
    run = Host(given(plan(hand), {"team": "networkers"}, policy)).start()
    assert (run.request.roles, run.request.holders) == (("networkers",), ("alice",))
    assert run.paged[0].people == ("alice",)
    claimed = run.decision("done", "networkers")
    assert "nobody holds networkers now" in run.conductor.refusal(run.state, claimed, run.now)
    assert run.decide("done", "alice").outcome == "succeeded"


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


# --- who may end the run ----------------------------------------------------------------------------------


def abort_refused(run: Host, by: str) -> str:
    return run.conductor.abort_refusal(run.state, Abort(by, "wrong runbook"), run.now)


@pytest.mark.parametrize("by", ["alice", "bob", "carol"])
def test_who_commands_or_answers_for_what_is_asked_may_end_the_run(by: str) -> None:
    run = host(POLICY, "technical_lead")
    assert abort_refused(run, by) == ""
    run.feed(AbortRequested(run.now, by, "wrong runbook", Abort(by, "wrong runbook")))
    assert run.outcome == "aborted"


def test_anybody_else_is_told_who_may_end_it_and_how_they_can_stop_it() -> None:
    run = host(POLICY, "technical_lead")
    said = Abort("dave", "wrong runbook")
    assert abort_refused(run, "dave") == (
        "dave does not hold the role incident_commander or technical_lead: alice does; "
        "bob, carol and frank do; `pause` and `hold` stop it too, and anybody may"
    )
    with pytest.raises(IllegalEvent, match="dave does not hold"):
        run.feed(AbortRequested(run.now, "dave", "wrong runbook", said))
    assert run.order("pause", "dave").state.paused


def test_who_answers_for_a_step_may_end_the_run_while_it_is_under_way() -> None:
    block = Step(
        id="block", approval=Approval(("technical_lead",)), steps=(change(approval=None), change("b"))
    )
    run = Host(given(plan(block), policy=POLICY, revision=2)).start().decide("approve", "bob")
    assert run.actions
    assert abort_refused(run, "bob") == ""
    run.order("handover", "bob", role="technical_lead", to="carol")
    assert "bob handed technical_lead to carol" in abort_refused(run, "bob")
    assert abort_refused(run, "carol") == ""


def test_temporal_itself_ends_every_run() -> None:
    run = host()
    run.feed(AbortRequested(run.now, "Temporal", "the workflow was cancelled there"))
    assert run.outcome == "aborted"


def test_a_name_that_temporal_uses_is_nobody_s_to_borrow() -> None:
    assert "does not hold" in abort_refused(host(), "Temporal")


@pytest.mark.parametrize(("policy", "revision"), [(RunPolicy(), 2), (POLICY, 1)])
def test_where_nobody_is_named_or_in_an_earlier_run_anybody_may_end_it(
    policy: RunPolicy, revision: int
) -> None:
    run = Host(given(plan(change()), policy=policy, revision=revision)).start()
    assert abort_refused(run, "dave") == ""


# --- too few ----------------------------------------------------------------------------------------------

ROLE, BY_ALICE = "incident_commander", "alice started this run"


def put_to(policy: RunPolicy, started_by: str = "alert:x", **approval: Any) -> Host:
    step = change(approval=Approval(approval.pop("roles", (ROLE,)), **approval))
    return Host(given(plan(step), policy=policy, started_by=started_by)).start()


@pytest.mark.parametrize(
    ("policy", "fields", "told"),
    [
        (
            POLICY,
            {"started_by": "alice"},
            f"somebody must approve it, and nobody may ({BY_ALICE}): hand {ROLE} over, or silence ends it",
        ),
        (
            POLICY,
            {"quorum": 2},
            f"2 people must approve it, and alice may: hand {ROLE} over, or silence ends it",
        ),
        (
            replace(NOBODY, acting=""),
            {},
            f"somebody must approve it, and nobody may: hand {ROLE} over, or silence ends it",
        ),
        (
            POLICY,
            {"roles": (ROLE, "scribe"), "quorum": 2, "of_roles": 2},
            f"2 people must approve it, and alice may: hand {ROLE} or scribe over, or silence ends it",
        ),
    ],
)
def test_who_is_asked_is_told_at_once_when_they_are_too_few(
    policy: RunPolicy, fields: dict[str, Any], told: str
) -> None:
    run = put_to(policy, **fields)
    assert run.request.notes == (told,)
    assert run.told("problem") == [told]


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        (POLICY, {}),
        (RunPolicy(), {"quorum": 5, "started_by": "alice"}),
        (replace(POLICY, self_approval=True), {"started_by": "alice"}),
        (POLICY, {"roles": (ROLE, "technical_lead"), "quorum": 2, "of_roles": 2}),
        (POLICY, {"roles": (ROLE, "technical_lead"), "started_by": "alice"}),
    ],
)
def test_nobody_is_warned_where_they_are_enough(policy: RunPolicy, fields: dict[str, Any]) -> None:
    assert put_to(policy, **fields).request.notes == ()


def test_a_handover_to_who_started_the_run_is_told_too() -> None:
    run = put_to(replace(POLICY, people=("alice", "bob")), "bob").order(
        "handover", "alice", role=ROLE, to="bob"
    )
    assert "bob started this run" in run.request.notes[0]
    run.order("handover", "bob", role=ROLE, to="alice")
    assert run.decide("approve", "alice").actions
