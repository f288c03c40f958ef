"""Retry with other inputs, undo of a whole run, withdrawal of an approval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.contract import RunPolicy
from stanch.language.plan import Approval, Call, Child, ForEach, Plan, Step
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

IC = Approval(("incident_commander",))
TWO = Approval(("incident_commander",), quorum=2)
INPUTS = {"host": {"type": "string", "pattern": "^web"}, "n": {"type": "integer", "default": 1}}


def begin(*steps: Step, inputs: dict[str, Any] | None = None, **fields: Any) -> Host:
    held = plan(*steps, **{"inputs": INPUTS, **fields})
    return Host(given(held, inputs=inputs or {"host": "web1", "n": 1}, revision=2)).start()


def on_host(name: str = "fix", **fields: Any) -> Step:
    call = Call("ssh", {"hosts": ["${{ inputs.host }}"], "run": ["fix", name]}, one=True)
    undo = Call("ssh", {"hosts": ["${{ inputs.host }}"], "run": ["unfix", name]}, one=True)
    return replace(change(name, **{"undo": undo, **fields}), call=call)


def made(name: str, **fields: Any) -> Step:
    return change(name, approval=None, on_failure="stop", **fields)


def ran(host: Host) -> list[str]:
    return [
        " ".join(action.task.call.params["run"]) for action in host.executed if action.task.effect == "change"
    ]


# --- retry ------------------------------------------------------------------------------------------------


def test_a_retry_is_the_answer_to_what_is_asked_about() -> None:
    host = begin(on_host(on_failure="ask")).decide("approve").fail("no").order("retry", step="fix")
    assert ran(host) == ["fix fix", "fix fix"]
    assert not host.timers


def test_other_inputs_make_it_ask_again_for_what_will_run_now() -> None:
    host = begin(on_host(on_failure="ask")).decide("approve").fail("no such host")
    host.order("retry", step="fix", inputs={"host": "web2"})
    assert (host.request.kind, host.request.id) == ("approval", "fix.3")
    assert [each.target for each in host.request.changes] == ["web2"]
    host.decide("approve")
    assert host.executed[-1].task.call.params["hosts"] == ["web2"]
    assert host.state.given.inputs == {"host": "web2", "n": 1}
    assert "retry `fix` with other inputs (`host`), says alice" in host.told("ordered")[0]


def test_what_is_asked_can_be_asked_with_other_inputs() -> None:
    host = begin(on_host()).order("retry", step="fix", inputs={"host": "web9"})
    assert [each.target for each in host.request.changes] == ["web9"]
    assert host.request.id == "fix.2"


def test_the_new_request_says_who_has_changed_which_inputs_and_why() -> None:
    host = begin(on_host()).order("retry", step="fix", reason="wrong host", inputs={"host": "web9", "n": 1})
    assert host.request.notes == ("alice has changed the input `host`: wrong host",)
    host.order("retry", step="fix", reason="look again", inputs={"host": "web9"})
    assert host.request.notes == ("alice began it afresh: look again",)


def test_a_loop_begins_afresh_with_the_items_of_the_new_inputs() -> None:
    loop = replace(
        on_host(on_failure="ask", for_each=ForEach("h", "${{ inputs.hosts }}", (1,))),
        call=Call("ssh", {"hosts": ["${{ h }}"], "run": ["fix"]}, one=True),
        undo=None,
    )
    schema = {"hosts": {"type": "array", "items": {"type": "string"}}}
    held = plan(loop, inputs=schema, outputs={"n": "steps.fix.results.map(r, r.item)"})
    host = (
        Host(given(held, inputs={"hosts": ["x", "b", "c"]}, revision=2)).start().decide("approve").fail("no")
    )
    host.order("retry", step="fix", inputs={"hosts": ["a", "b"]}).decide("approve").succeed({}).succeed({})
    assert (host.outcome, host.state.outputs) == ("succeeded", {"n": ["a", "b"]})


def test_a_block_that_has_changed_something_is_taken_back_before_its_inputs_are_changed() -> None:
    block = Step(id="b", steps=(made("one"), made("two")), approval=IC, on_failure="ask")
    host = begin(block).decide("approve").succeed({}).fail("no")
    refused = host.refusal("retry", step="b", inputs={"host": "web2"})
    assert refused.startswith("`one` stays changed with the old inputs")


def test_a_covered_step_with_other_inputs_asks_for_itself() -> None:
    block = Step(id="b", steps=(on_host("one", approval=None, on_failure="ask"),), approval=TWO)
    host = begin(block).decide("approve").decide("approve", by="bob").fail("no")
    host.order("retry", step="one", inputs={"host": "web2"})
    assert (host.request.kind, host.request.step, host.request.quorum) == ("approval", "one", 2)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "`retry` needs the path of a step"),
        ({"step": "nope"}, "there is no step `nope`"),
        ({"step": "later"}, "`later` has not begun yet"),
        ({"step": "a"}, "`a` is succeeded; only what is asked about can be done again"),
        ({"step": "fix", "inputs": {"host": "db1"}}, "input `host`"),
        ({"step": "fix", "inputs": {"hots": "web2"}}, "did you mean `host`"),
    ],
)
def test_a_retry_that_makes_no_sense_is_refused(fields: dict[str, Any], told: str) -> None:
    host = begin(read("a"), on_host(on_failure="ask"), read("later")).succeed({}).decide("approve").fail("no")
    assert told in host.refusal("retry", **fields)


def test_only_what_failed_is_done_again() -> None:
    assert "`fix` has not failed; answer `fix`" in begin(on_host()).refusal("retry", step="fix")


def test_what_nobody_knows_is_settled_before_the_inputs_are_changed() -> None:
    host = begin(on_host(on_failure="ask")).decide("approve").lose("gone")
    assert "nobody knows" in host.refusal("retry", step="fix", inputs={"host": "web2"})
    assert host.refusal("retry", step="fix") == ""


def test_inputs_inside_of_a_child_are_those_that_it_was_called_with() -> None:
    child = Plan("c", "C", "rollback", "me", (on_host(on_failure="ask"),), inputs=INPUTS)
    call = Step(id="call", child=Child("c", {"host": "${{ inputs.host }}"}), approval=IC)
    host = begin(call, children={"c": child}).decide("approve").fail("no")
    assert "retry `call` with others" in host.refusal("retry", step="call/fix", inputs={"host": "web2"})


# --- undo -------------------------------------------------------------------------------------------------


def three(**fields: Any) -> Host:
    """Three changes, of which two are made, and the third is under way."""
    block = Step(id="b", steps=(made("one"), made("two", **fields), made("three")), approval=IC)
    return begin(block).decide("approve").succeed({}).succeed({})


def test_an_undo_stops_what_is_under_way_and_takes_everything_back_newest_first() -> None:
    host = three().order("undo", reason="wrong release")
    assert host.cancelled
    host.fail("stopped").succeed({}).succeed({})
    assert ran(host) == ["fix one", "fix two", "fix three", "unfix two", "unfix one"]
    assert host.outcome == "aborted"
    assert host.state.reason == "undone by alice: wrong release; all 2 changes were taken back"


def test_what_turns_out_to_be_made_while_it_is_stopped_is_taken_back_too() -> None:
    host = three().order("undo").succeed({})
    assert ran(host)[-1] == "unfix three"


def test_an_undo_goes_back_to_before_a_step() -> None:
    host = three().order("undo", step="two").fail("stopped").succeed({})
    assert (ran(host)[3:], host.outcome) == (["unfix two"], "aborted")
    assert [effect.undone for effect in host.state.ledger] == [False, True]


def test_an_undo_stops_at_what_has_no_way_back() -> None:
    host = three(irreversible="mails are out").order("undo").succeed({}).succeed({})
    assert ran(host)[-1] == "unfix three"
    assert host.outcome == "aborted"
    assert "1 of 3 changes were taken back; no way back before `two`: mails are out" in host.state.reason


def test_an_undo_that_could_take_nothing_back_is_refused() -> None:
    assert begin(change()).refusal("undo").startswith("nothing has been changed")
    host = begin(change(irreversible="mails are out"), Step(id="w", wait="1h")).decide("approve").succeed({})
    assert host.refusal("undo").startswith("there is no way back before `fix`: mails are out")
    host = three()
    assert "there is no step `tow`; did you mean `two`?" in host.refusal("undo", step="tow")


def test_an_undo_to_a_step_that_changed_nothing_says_what_has() -> None:
    block = Step(id="b", steps=(made("one"), Step(id="w", wait="1h")), approval=IC)
    host = begin(read("a"), block).succeed({}).decide("approve").succeed({})
    assert host.refusal("undo", step="a") == "`a` has changed nothing that is still so; what is: `one`"


def test_an_undo_on_hold_is_refused_and_one_of_a_paused_run_ends_the_pause() -> None:
    host = three().order("hold", reason="freeze")
    assert "release it first: alice put it on hold" in host.refusal("undo")
    host = three().order("pause").order("undo").fail("stopped")
    assert ran(host)[-1] == "unfix two"
    assert host.state.paused == ""


def test_a_hold_keeps_what_is_being_taken_back_and_an_abort_ends_it_there() -> None:
    host = three().order("undo").fail("stopped").order("hold").succeed({})
    assert (host.actions, [each.path for each in host.state.parked]) == ({}, [""])
    host.abort()
    assert host.outcome == "aborted"
    assert [effect.undone for effect in host.state.ledger] == [False, True]


def test_a_hold_of_a_run_that_is_taken_back_is_released() -> None:
    host = three().order("undo").fail("stopped").order("hold").succeed({}).order("release")
    assert ran(host)[-1] == "unfix one"
    assert host.succeed({}).outcome == "aborted"


def test_a_way_back_whose_end_nobody_knows_is_not_called_aborted() -> None:
    host = three().order("undo").fail("stopped").lose("gone").succeed({})
    assert host.outcome == "in_doubt"


# --- withdraw ---------------------------------------------------------------------------------------------


def test_an_approval_is_withdrawn_while_others_are_missing() -> None:
    host = begin(change(approval=TWO)).decide("approve").order("withdraw", reason="wrong hosts")
    assert host.request.answers == ()
    host.decide("approve", by="bob")
    assert not host.actions
    host.decide("approve", by="alice")
    assert host.actions


def test_an_approval_is_withdrawn_while_its_step_is_kept_back_and_it_is_asked_again() -> None:
    host = begin(change()).order("hold").decide("approve")
    assert host.refusal("withdraw", by="bob") == "bob has decided nothing that could be withdrawn"
    changes = host.state.requests["fix"].request.changes
    host.order("withdraw", reason="wrong hosts")
    assert (host.request.id, host.request.changes, host.state.parked) == ("fix.2", changes, ())
    assert host.told("asked_again") == ["alice has withdrawn their approval"]
    host.order("release")
    assert not host.actions
    assert host.decide("approve").succeed({}).outcome == "succeeded"


def test_an_approval_is_withdrawn_while_the_run_is_paused_and_asked_again_at_once() -> None:
    host = begin(change()).order("pause").decide("approve").order("withdraw", request="fix")
    assert host.request.id == "fix.2"
    assert not host.timers
    host.order("resume")
    assert len(host.timers) == 1


def test_what_has_begun_is_not_withdrawn() -> None:
    host = begin(change()).after(60).decide("approve")
    assert host.refusal("withdraw") == "too late: `fix` began at 00:17 UTC; pause, skip or abort"


def test_only_an_approval_that_still_holds_is_withdrawn() -> None:
    host = begin(change(on_failure="ask"), change("more")).decide("approve").fail("no").decide("skip")
    host.decide("deny", reason="no")
    assert "withdraw" in host.refusal("withdraw")


# --- who --------------------------------------------------------------------------------------------------


def test_who_started_a_run_does_not_repeat_its_changes_alone() -> None:
    held = plan(change(on_failure="ask"))
    host = Host(given(held, revision=2, started_by="alice")).start().decide("approve", by="bob").fail("no")
    told = "alice started this run and may not have its changes made again; another one must say so"
    assert host.conductor.refusal(host.state, host.decision("retry", by="alice")) == told
    assert host.refusal("retry", step="fix") == told
    assert host.refusal("retry", by="bob", step="fix") == ""
    policy = RunPolicy(ladders={"incident_commander": LADDER}, self_approval=True)
    host = (
        Host(given(held, policy=policy, revision=2, started_by="alice")).start().decide("approve").fail("no")
    )
    assert host.refusal("retry", step="fix") == ""
