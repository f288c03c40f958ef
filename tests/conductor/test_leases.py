"""Leases as a run sees them: taken before the first step, waited for, kept to the end, broken, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.conductor import describe
from stanch.contract import Claim, LeaseAnswer, Order, RunPolicy
from stanch.language.plan import Child, ForEach, Plan, Require, Revert, Step
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

OTHER = Claim("run/failover/7", "e7", "x#1", severity="SEV2", started_by="alice", granted=780.0)
THIRD = Claim("run/restart/4", "e4", "x#1")


def begin(*steps: Step, locks: tuple[str, ...] = ("service/api",), **fields: Any) -> Host:
    children = fields.pop("children", {})
    require = fields.pop("require", ())
    return Host(given(plan(*steps, locks=locks, children=children, require=require), **fields)).start()


def made(name: str = "fix", **fields: Any) -> Step:
    return change(name, approval=None, unattended="a test", on_failure="stop", **fields)


def under_way(host: Host) -> list[str]:
    return [action.task.step for action in host.actions.values()]


def parked(host: Host) -> list[str]:
    return [each.path for each in host.state.parked]


# --- taking -----------------------------------------------------------------------------------------------


def test_a_run_without_locks_asks_nobody() -> None:
    host = begin(read(), locks=())
    assert (under_way(host), host.asks, host.succeed({}).rung) == (["look"], [], [])


def test_nothing_runs_before_the_lease_is_held_and_it_is_given_back_at_the_end() -> None:
    host = begin(read("a"), made("b"))
    assert (host.asks, under_way(host)) == (["service/api"], [])
    host.grant()
    assert (host.holds, under_way(host)) == (["service/api"], ["a"])
    host.succeed({}).succeed({})
    assert (host.outcome, host.holds, host.rung) == ("succeeded", [], ["service/api"])
    assert host.timers == {}, "nothing is awaited any more"


def test_locks_are_filled_in_and_taken_by_name_one_after_the_other() -> None:
    host = begin(read(), locks=("service/${{ inputs.service }}", "db/main", "db/main"))
    assert host.asks == ["db/main"]
    assert host.grant().asks == ["service/checkout"]
    assert under_way(host.grant()) == ["look"]
    assert host.holds == ["db/main", "service/checkout"]


def test_what_must_not_start_takes_nothing() -> None:
    late = Require("inputs.service == 'checkout'", "not this one")
    never = Require("inputs.service == 'other'", "not this one")
    assert begin(read(), require=(late,)).asks == ["service/api"]
    host = begin(read(), require=(never,))
    assert (host.outcome, host.asks, host.rung) == ("refused", [], [])


def test_what_is_required_is_looked_at_again_under_the_lease() -> None:
    soon = Require("run.now - run.started < duration('60s')", "it is too late")
    host = begin(read(), require=(soon,)).make_wait(OTHER).after(90).ring("service/api").grant()
    assert (host.outcome, host.state.reason) == ("refused", "it is too late")
    assert host.rung == ["service/api"]


@pytest.mark.parametrize("lock", ["", "  ", "a\nb", "x" * 201, "pool/web"])
def test_what_is_no_name_of_a_lock_fails_before_anything_is_done(lock: str) -> None:
    host = begin(read(), locks=(lock,))
    assert (host.outcome, under_way(host), host.asks) == ("failed", [], [])


def test_only_what_shows_what_would_happen_takes_none() -> None:
    assert under_way(begin(read(), mode="dry_run")) == ["look"]
    assert begin(read(), mode="drill").asks == ["service/api"]


def test_what_belongs_to_a_drill_says_so() -> None:
    for mode, drill in (("live", False), ("drill", True)):
        (action,) = begin(read(), mode=mode, locks=()).actions.values()
        assert action.task.drill is drill


def test_a_run_of_an_earlier_release_goes_on_without_leases() -> None:
    assert under_way(begin(read(), revision=1)) == ["look"]


# --- waiting ----------------------------------------------------------------------------------------------


def test_waiting_is_told_and_paged_once() -> None:
    host = begin(read()).make_wait(OTHER, ahead=2)
    told = (
        "waits for `service/api`: "
        "held by run/failover/7 (SEV2, started by alice) since 00:13 UTC, 2 before it"
    )
    assert host.told("lease") == [told]
    assert [(task.to, told in task.text) for task in host.paged] == [("incident_commander", True)]
    host.ring("service/api").make_wait(OTHER, ahead=1)
    assert (len(host.paged), len(host.told("lease"))) == (1, 1)
    host.ring("service/api").make_wait(THIRD)
    assert len(host.paged) == 1
    assert host.told("lease")[-1] == (
        "still waits for `service/api`: held by run/restart/4 (SEV3) since 00:00 UTC"
    )


def test_waiting_for_a_lease_is_a_phase_of_its_own_and_its_time_is_waiting() -> None:
    host = begin(read()).make_wait(OTHER)
    assert describe.phase_of(host.state) == "queuing"
    assert describe.details(host.state).startswith("**Waits for service/api:** held by run/failover/7")
    assert "`stanch break run/failover/7 service/api --reason WHY`" in describe.details(host.state)
    host.after(100).ring("service/api").grant()
    assert host.state.spent.waiting == 100.0
    assert host.told("lease")[-1] == "holds `service/api` after 1m40s"


def test_it_is_asked_again_without_a_bell_and_less_often_the_longer_it_takes() -> None:
    host = begin(read()).make_wait(OTHER)
    gaps = []
    for _ in range(12):
        before = host.now
        host.fire().make_wait(OTHER)
        gaps.append(host.now - before)
    assert gaps == [60.0, 120.0, 180.0, 240.0, 300.0, 360.0, 420.0, 480.0, 540.0, 600.0, 600.0, 600.0]


def test_a_bell_while_it_is_asked_makes_it_ask_once_more() -> None:
    host = begin(read()).ring("service/api").ring("service/api")
    assert host.asks == ["service/api"]
    assert host.make_wait(OTHER).asks == ["service/api"], "the answer may have been on its way already"
    assert host.make_wait(OTHER).asks == []


def test_a_forged_bell_does_nothing() -> None:
    host = begin(read()).ring("service/other").grant().ring("service/api")
    assert (host.asks, host.holds, under_way(host)) == ([], ["service/api"], ["look"])


def test_an_abort_ends_the_waiting_and_rings() -> None:
    host = begin(read()).make_wait(OTHER).abort()
    assert (host.outcome, host.rung, host.timers) == ("aborted", ["service/api"], {})


def test_an_answer_that_comes_after_the_run_gave_up_makes_the_lease_look() -> None:
    child = Plan("inner", "Inner", "recovery", "sre", (read("in"),), locks=("a",))
    call = Step(id="call", title="Call", child=Child("inner"))
    host = begin(call, read("after"), locks=(), children={"inner": child})
    host.make_wait(OTHER).ring("a").order("skip", step="call")
    assert (under_way(host), host.rung) == (["after"], ["a"])
    host.grant()
    assert (host.rung, host.holds) == (["a", "a"], [])


def test_a_pause_keeps_back_what_a_granted_lease_would_begin() -> None:
    host = begin(read()).make_wait(OTHER).order("pause").ring("service/api").grant()
    assert (under_way(host), host.holds) == ([], ["service/api"])
    assert under_way(host.order("resume")) == ["look"]


# --- time -------------------------------------------------------------------------------------------------


def test_a_lease_that_is_held_for_too_long_is_told_with_who_waits_once_a_period() -> None:
    policy = RunPolicy(ladders={"incident_commander": LADDER}, lease_limit=900.0)
    host = begin(read(), policy=policy).grant()
    host.fire()
    assert host.asks == ["service/api"], "the lease knows who waits"
    host.grant(THIRD)
    told = "has held `service/api` for 15m; run/restart/4 (SEV3) waits for it"
    assert host.told("problem") == [told]
    assert [told in task.text for task in host.paged] == [True]
    host.fire().grant()
    assert host.told("problem")[-1] == "has held `service/api` for 30m"
    assert host.holds == ["service/api"], "time takes nothing away"


def test_a_lease_that_was_ended_in_temporal_and_taken_by_another_keeps_changes_back() -> None:
    host = begin(read("a"), made("b")).grant().fire().make_wait(OTHER)
    assert "does not hold it any more" in host.told("problem")[0]
    host.succeed({})
    assert (parked(host), describe.phase_of(host.state)) == (["b"], "queuing")
    assert under_way(host.ring("service/api").grant()) == ["b"]


# --- children ---------------------------------------------------------------------------------------------

INNER = Plan(
    "inner",
    "Inner",
    "recovery",
    "sre",
    (made("in"),),
    inputs={"node": {"type": "string"}},
    locks=("db/${{ inputs.node }}",),
)


def test_a_child_takes_its_locks_as_its_turn_comes_and_gives_them_back_at_its_end() -> None:
    call = Step(id="call", title="Call", child=Child("inner", {"node": "n1"}))
    host = begin(read("a"), call, read("z"), children={"inner": INNER}).grant().succeed({})
    assert (host.asks, under_way(host)) == (["db/n1"], [])
    host.make_wait(OTHER)
    assert [step.phase for step in describe.view(host.state, host.now).steps] == ["succeeded", "queuing"]
    host.ring("db/n1").grant().succeed({})
    assert (host.holds, under_way(host), host.rung) == (["service/api"], ["z"], ["db/n1"])


def test_a_name_that_caller_and_child_both_take_is_held_once_and_until_the_caller_ends() -> None:
    call = Step(id="call", title="Call", child=Child("inner", {"node": "n1"}))
    host = begin(call, read("z"), locks=("db/n1",), children={"inner": INNER}).grant()
    assert (host.asks, under_way(host)) == ([], ["call/in"])
    host.succeed({})
    assert (host.holds, host.rung) == (["db/n1"], [])


def test_rounds_that_take_one_lock_share_it() -> None:
    each = Step(
        id="each",
        title="Each",
        child=Child("inner", {"node": "n1"}),
        for_each=ForEach("x", '${{ ["a", "b"] }}', (2,)),
        effect="change",
    )
    host = begin(each, locks=(), children={"inner": INNER})
    assert host.asks == ["db/n1"]
    host.grant()
    assert under_way(host) == ["each[0]/in", "each[1]/in"]
    host.succeed({})
    assert host.holds == ["db/n1"]
    assert host.succeed({}).rung == ["db/n1"]


def test_what_a_child_did_is_taken_back_under_its_lock() -> None:
    call = Step(id="call", title="Call", child=Child("inner", {"node": "n1"}))
    host = begin(call, read("z"), children={"inner": INNER}).grant().grant().succeed({})
    host.order("undo").fail()
    assert (host.asks, under_way(host)) == (["db/n1"], [])
    host.grant()
    assert under_way(host) == ["call/in"]
    host.succeed({})
    assert (host.outcome, host.holds) == ("aborted", [])


def test_what_waits_for_a_lease_as_the_run_is_aborted_does_so_no_more() -> None:
    call = Step(id="call", title="Call", child=Child("inner", {"node": "n1"}))
    host = begin(made("a", revert=Revert("end_of_run")), call, children={"inner": INNER}).grant().succeed({})
    host.make_wait(OTHER).abort()
    assert (under_way(host), host.rung, host.holds) == (["a"], ["db/n1"], ["service/api"])


# --- taking back ------------------------------------------------------------------------------------------


def test_what_is_taken_back_is_taken_back_under_the_lease() -> None:
    host = begin(made(), read("z")).grant().succeed({}).order("undo").fail()
    assert (under_way(host), host.holds) == (["fix"], ["service/api"])
    assert host.succeed({}).rung == ["service/api"]


# --- breaking ---------------------------------------------------------------------------------------------


def broken(*steps: Step, **fields: Any) -> Host:
    """Its lease was broken while `a`, a read, was under way."""
    return begin(read("a"), *steps, **fields).grant().order("break", lease="service/api", reason="they lead")


def test_a_broken_lease_is_not_held_any_more_and_changes_wait_while_reads_go_on() -> None:
    host = broken(read("b"), made("c"))
    assert (host.holds, host.rung, host.timers) == ([], ["service/api"], {})
    host.succeed({}).succeed({})
    assert (under_way(host), parked(host), host.asks) == ([], ["c"], [])
    assert describe.phase_of(host.state) == "queuing"
    assert "alice broke it at" in describe.details(host.state)
    assert host.told("parked") == ["kept back by the break of its lease on `service/api`"]


def test_a_release_queues_for_it_again_and_goes_on_with_it() -> None:
    host = broken(made("c")).succeed({}).order("release", reason="")
    assert host.asks == ["service/api"]
    host.make_wait(OTHER)
    assert parked(host) == ["c"]
    assert under_way(host.ring("service/api").grant()) == ["c"]


def test_a_release_queues_at_once_though_nothing_needs_it_yet() -> None:
    host = broken(read("b"), made("c")).order("release")
    assert (under_way(host), host.asks) == (["a"], ["service/api"])
    host.grant().succeed({}).succeed({})
    assert (under_way(host), host.asks) == (["c"], [])


def test_the_claim_after_a_break_is_another_one() -> None:
    host = begin(read("a"), made("c")).grant()
    (first,) = describe.wanted(host.state)
    host.succeed({}).order("break", lease="service/api")
    assert describe.wanted(host.state) == (), "the lease that looks sees nothing of it"
    host.succeed({})
    assert host.outcome == "succeeded", "what was under way ends as it would have"
    host = broken(made("c")).succeed({}).order("release").grant()
    (second,) = describe.wanted(host.state)
    assert second.id != first.id


def test_what_is_under_way_is_named_and_not_stopped() -> None:
    host = begin(made(), made("c")).grant()
    said = host.conductor.answer(host.state, Order("break", "alice", "why", lease="service/api"))
    assert said == "`service/api` is broken; `fix` is under way and not stopped"
    host.order("break", lease="service/api")
    assert under_way(host) == ["fix"]
    assert "(`fix` is under way and not stopped)" in host.told("lease")[-1]
    assert parked(host.succeed({})) == ["c"]


def test_an_abort_takes_back_only_with_the_lease_again() -> None:
    host = begin(made("a", revert=Revert("end_of_run")), made("b"), made("c")).grant().succeed({})
    host.order("break", lease="service/api").succeed({})
    assert parked(host) == ["c"]
    host.abort()
    assert (host.outcome, host.asks, under_way(host)) == (None, ["service/api"], [])
    host.make_wait(OTHER)
    assert parked(host) == [""]
    host.ring("service/api").grant()
    assert under_way(host) == ["a"]
    assert host.succeed({}).outcome == "aborted"


def test_a_second_abort_leaves_what_waits_for_the_lease_as_it_is() -> None:
    host = begin(made("a", revert=Revert("end_of_run")), made("b")).grant().succeed({})
    host.order("break", lease="service/api").abort()
    host.lose()
    host.make_wait(OTHER).abort()
    assert host.outcome is not None


def test_what_was_taken_after_the_broken_one_is_given_back_before_it_queues_again() -> None:
    host = begin(read("x"), made("y"), locks=("a", "b", "c")).grant().grant().grant()
    host.order("break", lease="b").succeed({})
    assert host.holds == ["a", "c"]
    host.order("release")
    assert (host.holds, host.asks, host.rung) == (["a"], ["b"], ["b", "c"])
    assert host.grant().asks == ["c"]
    assert under_way(host.grant()) == ["y"]


def test_it_is_not_given_back_under_a_change_that_needs_it() -> None:
    host = begin(made(), made("y"), locks=("a", "b")).grant().grant().order("break", lease="a")
    assert host.refusal("release") == (
        "`fix` is under way, and `b` is given back before it queues again; release it after that"
    )
    assert host.succeed({}).refusal("release") == ""


def test_a_break_says_where_to_break_when_this_run_only_waits() -> None:
    host = begin(read()).make_wait(OTHER)
    assert host.refusal("break", lease="service/api") == (
        "this run waits for `service/api` and does not hold it; "
        "`stanch break run/failover/7 service/api --reason WHY`"
    )
    assert host.refusal("break", lease="db").startswith("the run does not hold `db`; it holds nothing")
    assert "needs the name" in host.refusal("break")
    assert host.refusal("break", lease="service/api", reason="") == "`break` needs a reason"


def test_a_lease_is_broken_once() -> None:
    host = broken()
    assert host.refusal("break", lease="service/api").startswith("it is broken already: alice broke it at")


def test_only_who_commands_breaks_a_lease() -> None:
    policy = RunPolicy(ladders={"incident_commander": LADDER}, roles={"incident_commander": ("carol",)})
    host = begin(read(), policy=policy).grant()
    assert "carol" in host.refusal("break", by="mallory", lease="service/api")
    assert host.refusal("break", by="carol", lease="service/api") == ""


def test_a_hold_and_a_break_are_released_by_one_word() -> None:
    host = broken(made("c")).order("hold").succeed({})
    host.order("release")
    assert host.asks == ["service/api"]
    assert under_way(host.grant()) == ["c"]


def test_a_break_before_all_are_held_keeps_the_run_from_beginning() -> None:
    host = begin(read(), locks=("a", "b")).grant().make_wait(OTHER).order("break", lease="a").ring("b")
    host.grant()
    assert (under_way(host), parked(host)) == ([], [""])
    host.order("release")
    assert (host.asks, host.rung) == (["a"], ["a", "b"])
    assert under_way(host.grant().grant()) == ["look"]


def test_what_can_never_be_granted_fails_what_needs_it() -> None:
    host = begin(read()).answer(LeaseAnswer(refused="it would disrupt 3 targets at once, and 2 may be"))
    assert host.outcome == "failed"
    assert "`service/api` is not granted: it would disrupt 3 targets" in host.state.reason


def test_inputs_that_are_edited_change_no_name_that_is_held() -> None:
    text = {"type": "string"}
    which = plan(change(), locks=("service/${{ inputs.service }}",), inputs={"service": text, "hosts": {}})
    host = Host(given(which)).start().grant()
    host.order("retry", step="fix", inputs={"service": "basket"})
    assert host.holds == ["service/checkout"]


def test_the_view_tells_what_is_held() -> None:
    host = begin(read()).grant()
    (lease,) = describe.view(host.state, host.now).leases
    assert (lease.name, lease.state, lease.since, lease.execution) == ("service/api", "held", 1000.0, "e1")
