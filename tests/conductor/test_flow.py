"""Runs through the conductor, by hand: what it commands, in which order, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.conductor import describe
from stanch.conductor.commands import RunAction
from stanch.conductor.events import ActionSucceeded, DecisionGiven, RunStarted, TimerFired
from stanch.errors import IllegalEvent
from stanch.language.plan import Approval, Call, Check, ForEach, Plan, Poll, Require, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read, rollback, with_fields


def answer(action: RunAction) -> Any:
    """A world in which one roll-back step helps."""
    if action.task.call.action == "http":
        return {"json": {"rate": 0.2 if action.task.poll is None else 0.0}}
    if action.task.effect == "read":
        return [{"json": {"release": "v2"}}]
    return {"rc": 0, "stdout": "ok"}


def test_a_rollback_diagnoses_asks_acts_in_batches_verifies_and_ends() -> None:
    host = Host(given(rollback())).start().through(answer)
    assert [action.task.step for action in host.executed] == ["errors", "current"]
    host.decide("approve").through(answer)
    assert host.outcome == "succeeded"
    assert host.state.outputs == {"released": "v2"}
    steps = [action.task.step for action in host.executed]
    assert steps == ["errors", "current", "roll_back[0]", "roll_back[1]", "roll_back[2]", "roll_back"]
    assert host.executed[-1].task.poll == Poll("result.json.rate < 0.01", within=60, every=2, stable=5)


def test_batches_run_one_after_another_with_a_pause_between() -> None:
    host = Host(given(rollback())).start().through(answer).decide("approve")
    assert [action.task.step for action in host.actions.values()] == ["roll_back[0]"]
    host.succeed({"rc": 0})
    assert not host.actions
    assert [timer.seconds for timer in host.timers.values()] == [2.0]
    host.fire()
    assert [action.task.step for action in host.actions.values()] == ["roll_back[1]", "roll_back[2]"]


@pytest.mark.parametrize(
    ("batches", "sizes"),
    [
        ((), [1, 1, 1, 1, 1]),
        ((1, "25%", "100%"), [1, 2, 2]),
        (("50%",), [3, 2]),
        ((2,), [2, 2, 1]),
        ((99,), [5]),
        (("1%",), [1, 1, 1, 1, 1]),
    ],
)
def test_batch_sizes(batches: tuple[int | str, ...], sizes: list[int]) -> None:
    each = ForEach("n", [1, 2, 3, 4, 5], batches)
    host = Host(given(plan(change(for_each=each)), inputs={})).start().decide("approve")
    seen = []
    while host.outcome is None:
        seen.append(len(host.actions))
        for _ in range(len(host.actions)):
            host.succeed({})
    assert seen == sizes


def test_the_request_shows_what_will_run_where_and_how_it_is_taken_back() -> None:
    request = Host(given(rollback())).start().through(answer).request
    assert request.question == "Put the previous release back? (3 changes)"
    assert [each.target for each in request.changes] == ["web1", "web2", "web3"]
    assert request.changes[0].command == "deploy rollback checkout"
    assert request.changes[0].undo == "deploy redeploy v2"
    assert request.changes[0].done == (
        "deploy current, until result.json.release != steps.current.bad (steps.current.bad is v2)"
    )
    assert "errors.rate = 0.2" in request.evidence


def test_what_is_executed_is_what_was_shown_even_if_a_value_changed_meanwhile() -> None:
    host = Host(given(rollback())).start().through(answer)
    shown = [each.target for each in host.request.changes]
    host.decide("approve").through(answer)
    changes = [action.task for action in host.executed if action.task.effect == "change"]
    assert [task.call.params["hosts"] for task in changes] == [[target] for target in shown]


def test_a_digest_differs_when_anything_that_is_asked_differs() -> None:
    digests = set()
    for hosts, service, run in (
        (["a", "b"], "checkout", "run/x/1"),
        (["a"], "checkout", "run/x/1"),
        (["a", "b"], "cart", "run/x/1"),
        (["a", "b"], "checkout", "run/x/2"),
    ):
        inputs = {"hosts": hosts, "service": service}
        digests.add(Host(given(rollback(), inputs), run).start().through(answer).request.digest)
    assert len(digests) == 4


def test_a_precondition_on_the_result_ends_the_run_as_refused_with_its_reason() -> None:
    host = Host(given(rollback())).start().succeed({"json": {"rate": 0.01}})
    assert (host.outcome, host.state.reason) == ("refused", "the rate is 0.01; nothing to do")
    assert not host.actions


def test_a_precondition_of_the_runbook_is_checked_before_anything_runs() -> None:
    host = Host(given(plan(read(), require=(Require("inputs.hosts.size() > 5", "too few"),)))).start()
    assert (host.outcome, host.state.reason, host.executed) == ("refused", "too few", [])


def test_a_precondition_is_looked_at_again_between_approval_and_change() -> None:
    late = Require("run.now < run.started + duration('60s')", "too late")
    host = Host(given(plan(change(require=(late,))))).start().after(120).decide("approve")
    assert (host.outcome, host.state.reason, host.executed) == ("refused", "too late", [])


def test_a_step_whose_when_does_not_hold_is_skipped() -> None:
    host = Host(given(plan(read("a", when="inputs.service == 'cart'"), read("b")))).start()
    assert [action.task.step for action in host.actions.values()] == ["b"]
    host.succeed({})
    assert host.outcome == "succeeded"


def test_an_expression_that_fails_at_run_time_fails_its_step_and_says_which() -> None:
    host = Host(given(plan(read("a", outputs={"x": "result.json.nope"})))).start().succeed({"json": {}})
    assert host.outcome == "failed"
    assert "`result.json.nope`" in host.state.reason


def test_a_block_runs_its_steps_in_order_and_its_approval_covers_them() -> None:
    inner = (change("one", approval=None), change("two", approval=None))
    block = Step(id="both", title="Both", steps=inner, approval=Approval(("incident_commander",)))
    host = Host(given(plan(block))).start()
    assert [each.command for each in host.request.changes] == ["fix one", "fix two"]
    host.decide("approve").through(lambda _: {})
    assert [action.task.step for action in host.executed] == ["one", "two"]
    assert host.outcome == "succeeded"


def test_a_loop_round_a_block_gives_each_item_its_own_values() -> None:
    ask = Step(
        id="ask",
        call=Call("http", {"url": "http://${{ site }}"}),
        outputs={"port": "result.json.port"},
    )
    use = Step(id="use", call=Call("http", {"url": "http://${{ site }}:${{ steps.ask.port }}"}))
    loop = Step(id="sites", steps=(ask, use), for_each=ForEach("site", ["a", "b"], (1,)))
    host = Host(given(plan(loop))).start()
    ports = {"http://a": 1, "http://b": 2}
    host.through(lambda action: {"json": {"port": ports.get(action.task.call.params["url"], 0)}})
    assert [action.task.call.params["url"] for action in host.executed] == [
        "http://a",
        "http://a:1",
        "http://b",
        "http://b:2",
    ]


def test_each_round_of_a_loop_makes_outputs_and_results_holds_them_all() -> None:
    step = Step(
        id="all",
        call=Call("http", {"url": "http://${{ n }}"}),
        for_each=ForEach("n", ["a", "b"]),
        outputs={"seen": "n + string(result.status)"},
    )
    seen = "steps.all.results.map(r, r.item + ' ' + r.seen)"
    host = Host(given(plan(step, outputs={"seen": seen}))).start()
    host.through(lambda _: {"status": 200})
    assert host.state.outputs == {"seen": ["a a200", "b b200"]}


def test_what_went_well_in_a_loop_that_failed_can_be_read_where_the_run_goes_on() -> None:
    step = Step(
        id="all",
        call=Call("http", {"url": "http://${{ n }}"}),
        for_each=ForEach("n", ["a", "b", "c"]),
        outputs={"status": "result.status"},
        on_failure="continue",
    )
    quorum = "steps.all.results.filter(r, r.ok).size()"
    host = Host(given(plan(step, outputs={"good": quorum, "failed": "steps.all.failed"}))).start()
    host.succeed({"status": 200}).fail("no route").succeed({"status": 200})
    assert host.state.outputs == {"good": 2, "failed": True}


def test_no_items_is_a_failure_unless_the_author_says_that_it_is_fine() -> None:
    empty = ForEach("n", "${{ inputs.hosts }}")
    host = Host(given(plan(change(for_each=empty, on_failure="stop")), inputs={"hosts": []})).start()
    assert host.outcome == "failed"
    assert "has no items" in host.state.reason
    fine = ForEach("n", "${{ inputs.hosts }}", empty_ok=True)
    none = plan(change(for_each=fine), outputs={"all": "steps.fix.results"})
    host = Host(given(none, inputs={"hosts": []})).start()
    assert (host.outcome, host.state.outputs) == ("succeeded", {"all": []})


def test_the_way_back_may_read_what_the_change_itself_returned() -> None:
    undo = Call("http", {"method": "DELETE", "url": "http://x/${{ steps.fix.id }}"})
    step = change(outputs={"id": "result.json.id"}, undo=undo)
    host = Host(given(plan(step))).start().decide("approve").succeed({"json": {"id": 7}})
    assert host.state.ledger[0].undo == Call("http", {"method": "DELETE", "url": "http://x/7"})


def test_a_step_inside_a_skipped_block_can_be_asked_whether_it_ran() -> None:
    block = Step(id="both", steps=(read("inner"),), when="false")
    host = Host(given(plan(block, read("after", when="!steps.inner.ran && !steps.inner.ok")))).start()
    assert [action.task.step for action in host.actions.values()] == ["after"]


def test_an_output_that_a_change_already_in_place_cannot_give_is_left_out() -> None:
    step = change(outputs={"id": "result.json.id", "rc": "result.rc"})
    host = Host(given(plan(step))).start().decide("approve").succeed({"rc": 0}, already=True)
    assert host.outcome == "succeeded"
    assert host.state.values["fix"] == {"rc": 0, "ok": True, "ran": True, "failed": False, "denied": False}


def test_a_wait_waits() -> None:
    host = Host(given(plan(Step(id="settle", wait="${{ inputs.n }}s")), inputs={"n": 90})).start()
    assert [timer.seconds for timer in host.timers.values()] == [90.0]
    assert host.fire().outcome == "succeeded"


def test_a_change_already_in_place_is_not_in_the_ledger() -> None:
    host = Host(given(plan(change()))).start().decide("approve").succeed({"rc": 0}, already=True)
    assert (host.outcome, host.state.ledger) == ("succeeded", ())


def test_a_completed_change_is_in_the_ledger_with_its_rendered_way_back() -> None:
    host = Host(given(rollback())).start().through(answer).decide("approve").through(answer)
    assert [(each.target, each.command) for each in host.state.ledger] == [
        ("web1", "deploy rollback checkout"),
        ("web2", "deploy rollback checkout"),
        ("web3", "deploy rollback checkout"),
    ]
    assert host.state.ledger[1].undo == Call(
        "ssh", {"hosts": ["web2"], "run": ["deploy", "redeploy", "v2"]}, one=True
    )


def test_every_second_is_accounted_for() -> None:
    host = Host(given(rollback())).start()
    host.after(3).succeed({"json": {"rate": 0.2}}).after(2).succeed([{"json": {"release": "v2"}}])
    host.after(40).decide("approve").after(5).succeed({}).fire()
    host.after(4).succeed({}).succeed({}).after(10).succeed({"json": {"rate": 0.0}})
    spent = host.state.spent
    assert (spent.automation, spent.waiting, spent.soaking, spent.in_doubt) == (3 + 2 + 5 + 2 + 4, 40, 10, 0)


def test_the_run_tells_its_phase_at_every_moment() -> None:
    host = Host(given(rollback())).start()
    phases = [describe.phase_of(host.state)]
    host.through(answer)
    phases.append(describe.phase_of(host.state))
    host.decide("approve")
    phases.append(describe.phase_of(host.state))
    host.succeed({}).fire().succeed({}).succeed({})
    phases.append(describe.phase_of(host.state))
    host.succeed({"json": {"rate": 0.0}})
    phases.append(describe.phase_of(host.state))
    assert phases == ["diagnosing", "waiting", "mitigating", "verifying", "succeeded"]


def test_a_run_that_only_looked_ends_in_the_phase_it_began_with() -> None:
    host = Host(given(plan(read()))).start().succeed({})
    assert (host.outcome, describe.phase_of(host.state)) == ("succeeded", "diagnosing")


@pytest.mark.parametrize(
    "event",
    [
        ActionSucceeded(1.0, "nobody#1"),
        TimerFired(1.0, "nobody#1"),
        RunStarted(1.0),
    ],
)
def test_illegal_input_raises_and_changes_nothing(event: Any) -> None:
    host = Host(given(rollback())).start()
    before = host.state
    with pytest.raises(IllegalEvent):
        host.feed(event)
    assert host.state is before


def test_an_answer_is_taken_once() -> None:
    host = Host(given(rollback())).start()
    key = next(iter(host.actions))
    host.succeed({"json": {"rate": 0.2}})
    with pytest.raises(IllegalEvent, match="nothing is awaited"):
        host.feed(ActionSucceeded(host.now, key, {}))


def test_a_change_that_nothing_covers_is_refused_by_the_conductor_too() -> None:
    host = Host(given(plan(read(), change(approval=None)))).start()
    assert host.outcome == "refused"
    assert "`fix`" in host.state.reason
    assert not host.executed, "not even the read that stands before it"


def test_an_unattended_change_needs_nobody() -> None:
    host = Host(given(plan(change(approval=None, unattended="it only adds a file")))).start()
    assert [action.task.step for action in host.actions.values()] == ["fix"]


def test_details_cannot_be_broken_out_of_by_hostile_text() -> None:
    bad = "`x` <img src=x> [click](http://evil)\n# heading | a"
    host = Host(given(rollback(), {"service": "s", "hosts": [bad]})).start().through(answer)
    text = describe.details(host.state)
    assert "<img" not in text.replace("`", "").split("<img")[0]
    assert "\n# heading" not in text
    assert "`'x' <img src=x> [click](http://evil) # heading | a`" in text


def test_a_late_decision_is_illegal_for_the_conductor() -> None:
    host = Host(given(rollback())).start().through(answer)
    late = host.decision("approve")
    host.decide("deny")
    with pytest.raises(IllegalEvent, match="has ended"):
        host.feed(DecisionGiven(host.now, late))


def test_verify_that_fails_asks_and_a_retry_asks_the_world_again() -> None:
    host = Host(given(rollback())).start().through(answer).decide("approve")
    host.succeed({}).fire().succeed({}).succeed({}).fail("still 0.2 after 1m")
    assert host.request.kind == "failure"
    assert host.request.evidence == ("it did not help: still 0.2 after 1m",)
    assert host.request.choices == ("retry", "skip", "undo", "abort")
    host.decide("retry")
    assert [action.task.poll is not None for action in host.actions.values()] == [True]
    assert host.succeed({}).outcome == "succeeded"


def test_done_is_part_of_the_same_task() -> None:
    plan_ = with_fields(
        rollback(), "roll_back", for_each=None, call=Call("ssh", {"hosts": ["a"], "run": ["x"]})
    )
    plan_ = with_fields(
        plan_,
        "roll_back",
        undo=None,
        done=Check(Call("ssh", {"hosts": ["a"], "run": ["y"]}), Poll("result.rc == 0", within=10)),
    )
    host = Host(given(plan_)).start().through(answer).decide("approve")
    task = next(iter(host.actions.values())).task
    assert task.done == Check(Call("ssh", {"hosts": ["a"], "run": ["y"]}), Poll("result.rc == 0", within=10))


def test_a_plan_is_data_and_a_conductor_holds_nothing_else() -> None:
    first: Plan = rollback()
    one, two = Host(given(first)), Host(given(first))
    one.start().through(answer).decide("approve").through(answer)
    two.start().through(answer).decide("approve").through(answer)
    assert one.state == two.state
