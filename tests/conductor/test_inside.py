"""What is inside of something: children, steps at once, limits, what is borrowed, findings."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.events import ActionSucceeded
from stanch.contract import IncidentRef, Kept
from stanch.language.plan import (
    Approval,
    Call,
    Child,
    Finding,
    ForEach,
    Plan,
    Require,
    Revert,
    Step,
    Suggestion,
)
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))
BACK = Call("ssh", {"hosts": ["web1"], "run": ["back"]}, one=True)


def update_node(**fields: object) -> Plan:
    out = replace(
        change("out", approval=None, revert=Revert("end_of_run")),
        call=Call("ssh", {"hosts": ["${{ inputs.node }}"], "run": ["out"]}, one=True),
    )
    look = Step(
        id="look",
        call=Call("http", {"url": "http://${{ inputs.node }}/"}),
        outputs={"version": "result.json"},
        findings=(Finding("true", "cleared", "${{ inputs.node }} runs ${{ steps.look.version }}"),),
    )
    return Plan(
        "update-node",
        "Update",
        "maintenance",
        "sre",
        (out, look),
        inputs={"node": {"type": "string"}},
        outputs={"version": "steps.look.version"},
        **fields,  # type: ignore[arg-type]
    )


def calling(**fields: object) -> Plan:
    step = Step(
        id="each",
        title="Update the nodes",
        child=Child("update-node", {"node": "${{ node }}"}),
        for_each=ForEach("node", ["db1", "db2"], (1,)),
        approval=IC,
        outputs={"now": "result.outputs.version"},
        **fields,  # type: ignore[arg-type]
    )
    versions = "steps.each.results.map(r, r.item + ' ' + r.now)"
    return plan(step, outputs={"versions": versions}, children={"update-node": update_node()})


def ran(host: Host) -> list[str]:
    return [f"{action.task.step} {action.task.call.params}" for action in host.executed]


def test_one_approval_shows_and_covers_what_is_inside_of_a_child() -> None:
    host = Host(given(calling())).start()
    assert [each.target for each in host.request.changes] == ["db1", "db2"]
    host.decide("approve").through(lambda _: {"json": "16.4"})
    assert host.outcome == "succeeded"
    assert host.state.outputs == {"versions": ["db1 16.4", "db2 16.4"]}
    assert len(host.state.requests) == 1


def test_a_child_sees_its_own_inputs_and_steps_and_nothing_of_its_caller() -> None:
    host = Host(given(calling())).start().decide("approve").through(lambda _: {"json": "16.4"})
    assert "each[0]/look" in host.state.values
    assert [found.text for found in host.state.found] == ["db1 runs 16.4", "db2 runs 16.4"]


def test_what_a_child_borrows_comes_back_when_the_child_ends() -> None:
    host = Host(given(calling())).start().decide("approve")
    host.through(lambda _: {"json": "16.4"})
    steps = [
        (action.task.step, action.task.call.params["run"][0])
        for action in host.executed
        if action.task.effect == "change"
    ]
    assert steps == [
        ("each[0]/out", "out"),
        ("each[0]/out", "unfix"),
        ("each[1]/out", "out"),
        ("each[1]/out", "unfix"),
    ]


def test_inputs_that_do_not_fit_a_child_are_a_failure_that_says_so() -> None:
    step = Step(id="call", child=Child("update-node", {"node": 7}), approval=IC)
    host = Host(given(plan(step, children={"update-node": update_node()}))).start().decide("approve")
    assert host.outcome == "failed"
    assert "`update-node` cannot be called: input `node`" in host.state.reason


def test_what_a_child_requires_refuses_the_run() -> None:
    child = update_node(require=(Require("inputs.node != 'db1'", "not db1"),))
    step = Step(id="call", child=Child("update-node", {"node": "db1"}), approval=IC)
    host = Host(given(plan(step, children={"update-node": child}))).start().decide("approve")
    assert (host.outcome, host.state.reason) == ("refused", "not db1")


def test_a_child_whose_changes_nobody_covers_does_not_let_the_run_begin() -> None:
    step = Step(id="call", child=Child("update-node", {"node": "db1"}))
    host = Host(given(plan(read(), step, children={"update-node": update_node()}))).start()
    assert host.outcome == "refused"
    assert "`call/out`" in host.state.reason


def test_a_runbook_that_calls_itself_asks_again_each_time_and_has_a_bottom() -> None:
    again = Step(id="again", child=Child("rollback-release", {}), on_failure="stop")
    host = Host(given(plan(change("fix", on_failure="stop"), again), inputs={})).start()
    while host.finished is None:
        host.decide("approve").succeed({})
    assert len(host.state.requests) == 9
    assert "8 runbooks deep" in host.state.reason


def test_an_approval_around_a_runbook_that_calls_itself_covers_the_first_round_only() -> None:
    again = Step(id="again", child=Child("rollback-release", {}), when="inputs.service != ''")
    block = Step(id="all", steps=(change("fix", approval=IC), again), approval=IC)
    host = Host(given(plan(block), inputs={"service": "x"})).start()
    assert len(host.request.changes) == 1
    host.decide("approve").succeed({})
    assert host.request.step == "again/all"


def test_more_items_or_targets_than_the_author_allows_are_refused_before_anything_is_done() -> None:
    loop = ForEach("n", ["a", "b", "c"], (1,), most=2)
    host = Host(given(plan(change(for_each=loop, on_failure="stop")))).start()
    assert "3 items, and its author allows 2" in host.state.reason
    wide = Call("ssh", {"hosts": "${{ inputs.hosts }}", "run": ["fix"]})
    step = replace(change(on_failure="stop", most_targets=2), call=wide)
    host = Host(given(plan(step))).start()
    assert "3 targets, and its author allows 2" in host.state.reason
    assert not host.executed


def at_once(**fields: object) -> Step:
    return Step(id="looks", steps=(read("a"), read("b"), read("c")), parallel=True, **fields)  # type: ignore[arg-type]


def test_steps_at_once_are_all_begun_before_one_has_ended() -> None:
    host = Host(given(plan(at_once(), read("then")))).start()
    assert [action.task.step for action in host.actions.values()] == ["a", "b", "c"]
    host.succeed({}).succeed({})
    assert len(host.executed) == 3
    host.succeed({})
    assert host.executed[-1].task.step == "then"


def test_one_that_fails_does_not_keep_the_others_from_being_told() -> None:
    host = Host(given(plan(at_once(on_failure="continue"), read("then")))).start()
    host.fail("blind").succeed({}).succeed({})
    assert host.state.nodes["b"].phase == host.state.nodes["c"].phase == "succeeded"
    assert host.executed[-1].task.step == "then"


def test_only_what_failed_of_steps_at_once_is_repeated() -> None:
    host = Host(given(plan(at_once(on_failure="ask")))).start()
    host.succeed({}).fail("blind").succeed({}).decide("retry")
    assert [action.task.step for action in host.actions.values()] == ["b"]
    assert host.succeed({}).outcome == "succeeded"


def test_a_block_that_takes_too_long_is_stopped_and_asked_about() -> None:
    block = Step(id="window", steps=(read("a"), read("b")), limit=60.0, on_failure="ask")
    host = Host(given(plan(block))).start()
    (key,) = host.timers
    host.fire()
    assert host.cancelled == list(host.actions)
    host.fail("stopped")
    assert "took longer than 1m" in host.request.evidence[0]
    host.decide("retry").succeed({}).succeed({})
    assert host.outcome == "succeeded"
    assert not host.timers, "the limit went with the block"
    assert key not in host.timers


def test_a_limit_of_a_change_in_doubt_is_not_a_guess() -> None:
    block = Step(id="window", steps=(change("fix"),), limit=60.0, approval=IC, on_failure="ask")
    host = Host(given(plan(block))).start().decide("approve")
    host.fire().lose("it was cancelled while it was acting")
    assert host.request.kind == "in_doubt"


def borrowed(at: str, **fields: object) -> Step:
    return change("borrow", approval=None, undo=BACK, revert=Revert(at), **fields)  # type: ignore[arg-type]


def test_what_is_borrowed_for_a_block_comes_back_when_it_succeeds_and_when_it_fails() -> None:
    for good in (True, False):
        block = Step(id="b", steps=(borrowed("end_of_block"), read("look")), approval=IC)
        host = Host(given(plan(block, read("then")))).start().decide("approve").succeed({})
        host.succeed({}) if good else host.fail("no")
        (action,) = host.actions.values()
        assert action.task.call == BACK
        host.succeed({})
        assert host.state.ledger[0].undone
        assert (host.executed[-1].task.step == "then") is good


def test_what_is_borrowed_for_the_run_comes_back_once_at_its_end() -> None:
    host = Host(given(plan(replace(borrowed("end_of_run"), approval=IC), read("look")))).start()
    host.decide("approve").succeed({}).succeed({})
    assert not host.told("run_ended")
    host.succeed({})
    assert host.outcome == "succeeded"
    assert [action.task.call for action in host.executed].count(BACK) == 1


def test_what_was_there_already_was_not_borrowed() -> None:
    host = Host(given(plan(replace(borrowed("end_of_run"), approval=IC)))).start()
    assert host.decide("approve").succeed({}, already=True).outcome == "succeeded"


def test_what_does_not_come_back_is_a_failure_however_well_all_else_went() -> None:
    host = Host(given(plan(replace(borrowed("end_of_run"), approval=IC)))).start()
    host.decide("approve").succeed({}).fail("no route")
    assert host.outcome == "failed"
    assert "not put back: `fix borrow` web1" in host.state.reason


def test_a_blocks_own_way_back_takes_the_place_of_its_steps() -> None:
    block = Step(
        id="b",
        steps=(change("x", approval=None), change("y", approval=None)),
        approval=IC,
        undo=BACK,
        on_failure="ask",
    )
    host = Host(given(plan(block))).start().decide("approve").succeed({}).fail("no")
    host.decide("undo")
    assert [action.task.call for action in host.actions.values()] == [BACK]
    host.succeed({})
    assert not host.actions
    assert all(effect.undone for effect in host.state.ledger)


def test_findings_are_told_in_the_next_request_and_can_be_read() -> None:
    suggest = Suggestion("other-runbook", {"service": "${{ inputs.service }}"})
    look = read(
        findings=(
            Finding("result.rc > 0", "suspect", "rc is ${{ result.rc }}", suggest),
            Finding("result.rc > 5", "confirmed", "never"),
            Finding("inputs.nonsense == 1", "unknown", "cannot be told"),
        )
    )
    outputs = {"said": "run.findings.map(f, f.is + ' ' + f.text)"}
    host = Host(given(plan(look, change(), outputs=outputs))).start().succeed({"rc": 3})
    (found,) = host.request.findings
    assert (found.verdict, found.text) == ("suspect", "rc is 3")
    assert found.suggest == Suggestion("other-runbook", {"service": "checkout"})
    host.decide("approve").succeed({})
    assert host.state.outputs == {"said": ["suspect rc is 3"]}
    assert any("cannot be told" in text for text in host.told("problem"))


def test_evidence_is_remembered_with_its_step() -> None:
    host = Host(given(plan(read(keep={"log": "result.stdout"})))).start()
    (key,) = host.actions
    task = host.actions.pop(key).task
    assert task.keep == {"log": "result.stdout"}
    kept = (Kept("log", digest="ab", size=3, path="ab"), Kept("big", error="the disk is full"))
    host.feed(ActionSucceeded(host.now, key, {}, kept=kept))
    assert [(each.name, each.step) for each in host.state.kept] == [("log", "look"), ("big", "look")]
    assert "`big` was not kept: the disk is full" in host.told("problem")
    assert host.outcome == "succeeded"


def test_a_run_knows_its_incident_if_it_has_one() -> None:
    held = plan(read(), outputs={"of": "has(run.incident) ? run.incident.severity : 'none'"})
    with_one = Host(given(held, incident=IncidentRef("i-1", "SEV1"))).start().succeed({})
    assert with_one.state.outputs == {"of": "SEV1"}
    assert Host(given(held)).start().succeed({}).state.outputs == {"of": "none"}
