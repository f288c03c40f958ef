"""The end of a run, its ledger and its words say what is known, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.language.plan import Approval, Call, Check, ForEach, Plan, Poll, Require, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))
DONE = Check(
    Call("ssh", {"hosts": ["web1"], "run": ["is", "it"]}, one=True), Poll("result.rc == 0", within=30)
)


def lost(**fields: Any) -> Host:
    host = Host(given(plan(change(on_failure="ask", **fields)))).start().decide("approve")
    return host.lose("its worker went silent")


def test_an_abort_while_the_done_check_is_asked_leaves_the_step_in_doubt() -> None:
    host = lost(done=DONE).abort().fail("it was cancelled")
    assert (host.outcome, host.state.nodes["fix"].phase) == ("in_doubt", "in_doubt")


def test_an_abort_in_answer_to_what_nobody_knows_ends_in_doubt() -> None:
    host = lost().decide("abort")
    assert (host.outcome, host.state.nodes["fix"].phase) == ("in_doubt", "in_doubt")
    assert "in doubt: fix" in host.state.reason


def test_silence_about_what_nobody_knows_ends_in_doubt() -> None:
    host = lost()
    while host.timers:
        host.fire()
    assert host.outcome == "in_doubt"


def test_a_second_attempt_that_fails_does_not_settle_the_first() -> None:
    host = lost().decide("retry").fail("exit status 1")
    assert host.request.kind == "in_doubt"
    assert "done" in host.request.choices


def test_a_second_attempt_that_succeeds_settles_the_first() -> None:
    helped = Check(Call("http", {"url": "http://x"}), Poll("result.rc == 0", within=30))
    host = lost(verify=helped).decide("retry").succeed({}).fail("still bad")
    assert host.request.kind == "failure"


def test_an_undo_that_ended_during_an_abort_is_marked_as_undone() -> None:
    step = change(on_failure="undo", for_each=ForEach("n", [1, 2], (1,)))
    host = Host(given(plan(step))).start().decide("approve").succeed({}).fail("no").abort().succeed({})
    assert host.outcome == "aborted"
    assert [effect.undone for effect in host.state.ledger] == [True]


def test_an_undo_whose_end_nobody_knows_is_told_so() -> None:
    step = change(on_failure="undo", for_each=ForEach("n", [1, 2], (1,)))
    host = Host(given(plan(step))).start().decide("approve").succeed({}).fail("no").lose("gone silent")
    assert [effect.undone for effect in host.state.ledger] == [False]
    assert host.outcome == "in_doubt"
    assert "nobody knows whether" in host.told("problem")[0]


def test_an_item_in_doubt_is_not_hidden_by_one_that_was_refused() -> None:
    fix = change("fix", approval=None, on_failure="stop", require=(Require("n == 1", "not this one"),))
    loop = Step(id="all", steps=(fix,), for_each=ForEach("n", [1, 2], (2,)), approval=IC)
    host = Host(given(plan(loop))).start().decide("approve").lose("gone")
    assert (host.request.kind, host.request.step) == ("in_doubt", "all[0].fix")


def test_a_lost_change_whose_check_holds_is_done_though_the_check_cannot_give_its_outputs() -> None:
    host = lost(done=DONE, outputs={"id": "result.json.id"}).succeed({"rc": 0})
    assert host.outcome == "succeeded"


def test_what_a_person_says_was_done_is_done_though_nobody_can_give_its_outputs() -> None:
    host = lost(outputs={"id": "result.json.id"}).decide("done")
    assert host.outcome == "succeeded"
    assert len(host.state.ledger) == 1


def test_a_way_back_needs_only_the_outputs_that_it_reads() -> None:
    undo = Call("http", {"method": "DELETE", "url": "http://x/${{ steps.fix.id }}"})
    step = change(on_failure="ask", outputs={"id": "result.id", "more": "result.nope"}, undo=undo)
    host = Host(given(plan(step))).start().decide("approve").succeed({"id": 7})
    assert host.state.ledger[0].undo == Call("http", {"method": "DELETE", "url": "http://x/7"})
    assert "undo" in host.request.choices


@pytest.mark.parametrize("value", ["result.a / result.b", "[result.a / result.b]"])
def test_a_value_that_is_no_number_fails_its_step_and_not_the_workflow(value: str) -> None:
    look = read(outputs={"ratio": value})
    host = Host(given(plan(look, change()))).start().succeed({"a": 0.0, "b": 0.0})
    assert host.outcome == "failed"
    assert "which is not a number" in host.state.reason


@pytest.mark.parametrize("wait", ["${{ -5 }}", "9999999999d", "9" * 400 + "s", "${{ 1e300 }}"])
def test_a_wait_that_no_timer_can_take_fails_its_step(wait: str) -> None:
    host = Host(given(plan(Step(id="settle", wait=wait)))).start()
    assert host.outcome == "failed"


@pytest.mark.parametrize("name", ["node", "self", "step", "turn"])
def test_a_loop_may_be_called_anything(name: str) -> None:
    each = ForEach(name, ["a", "b"], (1,))
    call = Call("ssh", {"hosts": ["${{ " + name + " }}"], "run": ["fix"]}, one=True)
    fan = replace(change("fix", approval=None, for_each=each), call=call)
    request = Host(given(plan(Step(id="all", steps=(fan,), approval=IC)))).start().request
    assert [each.target for each in request.changes] == ["a", "b"]


def test_pauses_between_rounds_of_waiting_do_not_end_the_loop() -> None:
    step = Step(id="settle", wait="3s", for_each=ForEach("n", [1, 2, 3], (1,), pause=5.0))
    host = Host(given(plan(step))).start()
    waited = []
    while host.timers:
        waited.append(next(iter(host.timers.values())).seconds)
        host.fire()
    assert (host.outcome, waited) == ("succeeded", [3, 5, 3, 5, 3])


def unattended() -> Plan:
    inner = change("fix", approval=Approval(("incident_commander",), quorum=2))
    return plan(Step(id="all", steps=(inner,), unattended="only a file"))


def test_an_unattended_block_does_not_answer_for_a_step_that_asks() -> None:
    host = Host(given(unattended())).start()
    assert not host.executed
    assert host.request.step == "fix"


def test_who_has_approved_may_still_deny() -> None:
    host = Host(given(plan(change(approval=Approval(("incident_commander",), quorum=2))))).start()
    host.decide("approve", by="alice")
    assert host.conductor.refusal(host.state, host.decision("deny", by="alice")) == ""


def test_a_decision_on_an_earlier_execution_under_the_same_id_is_refused() -> None:
    first = Host(given(plan(change()))).start()
    second = Host(given(plan(change())))
    second.now += 3600
    second.start()
    assert "not bound" in second.conductor.refusal(second.state, first.decision("approve"))
