"""Pause and hold: what they keep back, what goes on all the same, and how it goes on afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.conductor.describe import view
from stanch.conductor.times import spent_until
from stanch.contract import IncidentRef, RunPolicy
from stanch.language.plan import Approval, Call, Check, ForEach, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

IC = Approval(("incident_commander",))
BACK = Call("ssh", {"hosts": ["web1"], "run": ["back"]}, one=True)
HELPED = Check(Call("http", {"url": "http://x"}), Poll("result.rc == 0", within=30))


def begin(*steps: Step, **fields: Any) -> Host:
    return Host(given(plan(*steps), revision=2, **fields)).start()


def made(name: str, **fields: Any) -> Step:
    return change(name, approval=None, on_failure="stop", **fields)


def under_way(host: Host) -> list[str]:
    return [action.task.step for action in host.actions.values()]


def parked(host: Host) -> list[str]:
    return [each.path for each in host.state.parked]


# --- pause ------------------------------------------------------------------------------------------------


def test_a_pause_lets_what_is_under_way_end_and_begins_nothing_until_it_is_resumed() -> None:
    host = begin(read("a"), read("b")).order("pause")
    assert under_way(host) == ["a"]
    host.succeed({})
    assert (under_way(host), parked(host)) == ([], ["b"])
    assert host.told("parked") == ["kept back by the pause"]
    host.after(60).order("resume", by="bob")
    assert (under_way(host), parked(host)) == (["b"], [])
    assert host.succeed({}).outcome == "succeeded"


def test_a_change_ends_with_its_verification_while_the_run_is_paused() -> None:
    host = begin(change(verify=HELPED), read("then")).decide("approve").order("pause").succeed({})
    assert under_way(host) == ["fix"]
    host.succeed({"rc": 0})
    assert parked(host) == ["then"]


def test_an_end_that_needs_no_new_work_comes_while_the_run_is_paused() -> None:
    assert begin(read("a")).order("pause").succeed({}).outcome == "succeeded"


def test_what_was_borrowed_is_not_put_back_while_the_run_is_paused() -> None:
    step = change("fix", undo=BACK, revert=Revert("end_of_run"))
    host = begin(step).decide("approve").order("pause").succeed({})
    assert (host.outcome, under_way(host), parked(host)) == (None, [], [""])
    host.order("resume")
    assert [action.task.call for action in host.actions.values()] == [BACK]


def test_a_batch_that_follows_a_pause_of_the_loop_waits_for_the_run_to_go_on() -> None:
    loop = read("look", for_each=ForEach("n", [1, 2], (1,), pause=5.0))
    host = begin(loop).succeed({}).order("pause").fire()
    assert parked(host) == ["look[1]"]
    host.order("resume").succeed({})
    assert host.outcome == "succeeded"


def test_the_ladder_stands_still_and_has_left_what_it_had() -> None:
    host = begin(change()).after(100).order("pause")
    assert not host.timers
    until = host.request.until
    host.after(1000).order("resume")
    (timer,) = host.timers.values()
    assert (timer.seconds, host.request.until) == (200, until + 1000)
    assert len(host.pages) == 1
    host.fire()
    assert len(host.pages) == 2


def test_a_decision_is_taken_while_the_run_is_paused_and_carried_out_afterwards() -> None:
    host = begin(change()).order("pause").decide("approve")
    assert (under_way(host), parked(host)) == ([], ["fix"])
    host.order("resume")
    assert under_way(host) == ["fix"]


def test_what_fails_meanwhile_is_asked_and_pages_and_does_not_climb() -> None:
    host = begin(change(on_failure="ask")).decide("approve").order("pause").after(50)
    pages = len(host.pages)
    host.fail("no")
    assert host.request.kind == "failure"
    assert (len(host.pages), len(host.timers)) == (pages + 1, 0)
    host.after(50).order("resume")
    (timer,) = host.timers.values()
    assert timer.seconds == 300


def test_the_limit_of_a_block_does_not_run_while_the_run_is_paused() -> None:
    host = begin(Step(id="window", steps=(read("a"), read("b")), limit=60.0, on_failure="ask"))
    host.after(20).order("pause").after(500).succeed({})
    assert not host.timers
    host.order("resume")
    (timer,) = host.timers.values()
    assert timer.seconds == 40
    host.succeed({})
    assert (host.outcome, host.timers) == ("succeeded", {})


def test_a_block_that_ends_while_the_run_is_paused_leaves_no_limit_to_begin_again() -> None:
    block = Step(id="window", steps=(read("a"),), limit=60.0)
    host = begin(block, read("then")).order("pause").succeed({}).order("resume")
    assert not host.timers
    assert host.succeed({}).outcome == "succeeded"


def test_a_paused_run_can_be_aborted_and_says_what_never_began() -> None:
    host = begin(read("a"), read("b")).order("pause").succeed({}).abort()
    assert (host.outcome, host.state.paused, host.state.parked) == ("aborted", "", ())
    assert "never begun: b" in host.told("parked")


def test_two_people_who_reach_for_the_wheel_are_told_of_each_other() -> None:
    host = begin(read("a"))
    assert host.refusal("resume") == "the run is not paused"
    host.order("pause", by="alice", reason="wait")
    assert host.refusal("pause", by="bob") == "the run is paused already: alice paused it at 00:16 UTC: wait"
    host.after(60).order("resume", by="bob", reason="")
    assert host.refusal("resume", by="carol") == "the run is not paused; bob resumed it at 00:17 UTC"


def test_a_pause_needs_a_reason_and_nobody_s_leave_and_to_go_on_is_the_commander_s() -> None:
    policy = RunPolicy(
        ladders={"incident_commander": LADDER}, roles={"incident_commander": ("alice",)}, named=True
    )
    host = begin(read("a"), policy=policy)
    assert host.refusal("pause", by="eve", reason=" ") == "`pause` needs a reason"
    host.order("pause", by="eve")
    assert "eve does not hold the role incident_commander" in host.refusal("resume", by="eve")
    assert host.refusal("resume", by="alice") == ""


def test_a_pause_is_seen() -> None:
    host = begin(read("a"), read("b")).order("pause", reason="too fast").succeed({})
    shown = view(host.state, host.now)
    assert "too fast" in shown.paused
    assert shown.parked == ("b",)
    assert "paused by alice: too fast (unverified, via cli)" in host.told("paused")


def test_the_time_of_a_pause_is_time_that_a_person_took() -> None:
    host = begin(read("a"), read("b")).order("pause").after(5).succeed({}).after(60).order("resume")
    assert (host.state.spent.automation, host.state.spent.waiting) == (5, 60)


def test_so_is_that_of_a_hold_which_keeps_a_way_back() -> None:
    host = begin(change("one"), change("two"), change("three"))
    host.decide("approve").succeed({}).decide("approve").succeed({}).order("undo").order("hold").succeed({})
    shown = view(host.after(60).state, host.now)
    assert (shown.spent.automation, shown.spent.waiting) == (0, 60)
    assert spent_until(shown, host.now + 5).waiting == 65


# --- hold -------------------------------------------------------------------------------------------------


def test_on_hold_reads_go_on_and_changes_do_not_begin() -> None:
    host = begin(Step(id="b", steps=(read("look"), made("fix"), read("then")), approval=IC))
    host.order("hold").decide("approve").succeed({})
    assert (under_way(host), parked(host)) == ([], ["fix"])
    assert host.told("parked") == ["kept back by the hold"]
    host.order("release")
    assert under_way(host) == ["fix"]


def test_an_approval_is_asked_on_hold_and_carried_out_afterwards() -> None:
    host = begin(change()).order("hold")
    assert host.request.kind == "approval"
    assert host.timers, "a hold is no pause: the ladder climbs"
    host.decide("approve")
    assert parked(host) == ["fix"]
    host.order("release").succeed({})
    assert host.outcome == "succeeded"


def test_a_way_back_is_kept_by_a_hold_and_told() -> None:
    fan = change(on_failure="undo", for_each=ForEach("n", [1, 2], (1,)), undo=BACK)
    host = begin(fan).decide("approve").succeed({}).order("hold").fail("no")
    assert (under_way(host), parked(host)) == ([], ["fix"])
    host.order("release")
    assert [action.task.call for action in host.actions.values()] == [BACK]
    host.succeed({})
    assert host.outcome == "failed"


def test_a_hold_of_the_incident_is_released_by_the_incident_alone() -> None:
    host = begin(change()).order("hold", by="carol", incident="inc-7", reason="freeze").decide("approve")
    assert "inc-7" in host.refusal("release")
    assert host.refusal("hold", incident="inc-7").startswith("the run is on hold already: carol put")
    host.order("hold", reason="me too")
    host.order("release", incident="inc-7")
    assert (parked(host), "me too" in host.state.held) == (["fix"], True)
    host.order("release")
    assert under_way(host) == ["fix"]
    assert "not on hold; alice released it" in host.refusal("release")


def test_a_run_of_an_incident_on_hold_starts_on_hold() -> None:
    host = begin(
        read("look"), change(), held="carol put it on hold", incident=IncidentRef("inc-7", "SEV1")
    ).succeed({})
    host.decide("approve")
    assert parked(host) == ["fix"]
    host.order("release", incident="inc-7")
    assert under_way(host) == ["fix"]


def test_what_is_kept_by_a_pause_and_a_hold_begins_when_both_are_over() -> None:
    host = begin(change()).order("hold").order("pause").decide("approve").order("release")
    assert parked(host) == ["fix"]
    host.order("resume")
    assert under_way(host) == ["fix"]


def test_an_abort_on_hold_changes_nothing_and_says_what_stays_away() -> None:
    step = change("fix", undo=BACK, revert=Revert("end_of_run"))
    host = begin(step, read("then")).decide("approve").succeed({}).order("hold").abort().fail("stopped")
    assert host.outcome == "aborted"
    assert BACK not in [action.task.call for action in host.executed]
    assert any("was not put back" in text for text in host.told("problem"))
    assert host.pages[-1].startswith("incident_commander")


def test_an_abort_puts_back_what_was_borrowed() -> None:
    step = change("fix", undo=BACK, revert=Revert("end_of_run"))
    host = begin(step, read("then")).decide("approve").succeed({}).abort().fail("stopped")
    assert [action.task.call for action in host.actions.values()] == [BACK]
    host.succeed({})
    assert (host.outcome, host.state.ledger[0].undone) == ("aborted", True)


def test_an_abort_puts_back_even_while_the_run_is_paused() -> None:
    step = change("fix", undo=BACK, revert=Revert("end_of_run"))
    host = begin(step, read("then")).decide("approve").order("pause").succeed({}).abort()
    assert [action.task.call for action in host.actions.values()] == [BACK]
    assert host.succeed({}).outcome == "aborted"


def test_a_run_of_an_older_revision_is_aborted_as_it_was() -> None:
    step = change("fix", undo=BACK, revert=Revert("end_of_run"))
    host = Host(given(plan(step, read("then")), revision=1)).start().decide("approve").succeed({})
    host.abort().fail("stopped")
    assert host.outcome == "aborted"
    assert not host.actions


def test_a_second_abort_ends_a_run_that_is_still_putting_back() -> None:
    step = change("fix", undo=BACK, revert=Revert("end_of_run"))
    host = begin(step, read("then")).decide("approve").succeed({}).abort().fail("stopped").abort()
    assert len(host.cancelled) == 2
    host.lose("stopped")
    assert host.outcome == "in_doubt"
    assert any("was not put back" in text for text in host.told("problem"))


@pytest.mark.parametrize("verb", ["pause", "skip", "retry", "undo", "withdraw"])
def test_a_run_that_is_being_aborted_takes_no_orders(verb: Any) -> None:
    host = begin(read("a")).abort()
    refused = host.refusal(verb, step="a" if verb in ("skip", "retry") else "")
    assert refused
    host.fail("stopped")
    assert "the run has ended (aborted)" in host.refusal(verb)


def test_the_limit_of_a_block_does_not_run_while_a_hold_keeps_a_part_of_it_back() -> None:
    block = Step(id="b", steps=(read("a"), made("fix")), limit=60.0, approval=IC)
    host = begin(block).decide("approve").order("hold")
    (timer,) = host.timers.values()
    assert timer.seconds == 60, "reads go on, and so does their limit"
    host.after(20).succeed({}).after(500)
    assert ([each.path for each in host.state.parked], host.timers) == (["fix"], {})
    host.order("release")
    (timer,) = host.timers.values()
    assert timer.seconds == 40
    assert host.succeed({}).outcome == "succeeded"
    assert not host.timers


def test_a_limit_that_a_hold_has_stopped_is_still_stopped_after_a_pause() -> None:
    block = Step(id="b", steps=(made("fix"),), limit=60.0, approval=IC)
    host = begin(block).order("hold").decide("approve").after(10).order("pause").after(10).order("resume")
    assert host.timers == {}
    host.after(10).order("release")
    (timer,) = host.timers.values()
    assert timer.seconds == 60


def test_a_limit_goes_on_when_what_was_kept_back_is_skipped() -> None:
    block = Step(id="b", steps=(made("fix"), read("then")), limit=60.0, approval=IC)
    host = begin(block).order("hold").decide("approve").after(30).order("skip", step="fix")
    (timer,) = host.timers.values()
    assert timer.seconds == 60
    host.fire()
    host.fail("stopped")
    assert host.outcome == "failed"
