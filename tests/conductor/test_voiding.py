"""An approval is for what was shown: what would be something else is never executed, and is asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.conductor.events import AlertReported, DecisionGiven
from stanch.conductor.state import Phase
from stanch.contract import Choice, Decision, Request, RunPolicy
from stanch.language.plan import Approval, Call, Child, ForEach, Plan, Require, Step
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

IC = Approval(("incident_commander",))
POLICY = RunPolicy(ladders={"incident_commander": LADDER})


def fix(name: str = "fix", *words: str, **fields: Any) -> Step:
    call = Call("ssh", {"hosts": ["web1"], "run": [name, *words]}, one=True)
    return replace(change(name, **{"approval": None, **fields}), call=call)


def run(*steps: Step, inputs: dict[str, Any] | None = None, **fields: Any) -> Host:
    schemas = {"service": {"type": "string"}, "hosts": {"type": "array", "items": {"type": "string"}}}
    which = plan(*steps, inputs=schemas, **fields)
    return Host(given(which, inputs=inputs, policy=POLICY, revision=2)).start()


def block(*steps: Step, **fields: Any) -> Step:
    return Step(id="block", title="All of it", steps=steps, approval=IC, **fields)


def say(host: Host, choice: Choice, request: Request) -> None:
    host.feed(DecisionGiven(host.now, Decision(request.id, choice, "alice", request.digest, "because")))


def under_way(host: Host) -> list[Any]:
    return [action.task.call.params.get("run") for action in host.actions.values()]


# --- just before a change begins --------------------------------------------------------------------------


def test_what_was_late_may_be_anything_and_the_rest_is_as_it_was_shown() -> None:
    look = read("look", outputs={"leader": "result.json"})
    host = run(block(look, fix("fix", "${{ inputs.service }}", "${{ steps.look.leader }}")))
    (shown,) = host.request.changes
    assert shown.command == 'fix checkout <steps.look.leader, known after "look">'
    assert shown.late == ("steps.look.leader",)
    assert under_way(host.decide("approve").succeed({"json": "db1"})) == [["fix", "checkout", "db1"]]
    assert host.succeed({}).outcome == "succeeded"
    assert host.told("void") == []


def edited(*last: Step, **fields: Any) -> Host:
    """Two changes and then `last` in an approved block. The second fails, and is done again with another
    service, which is asked; then it is the turn of what is last."""
    host = run(block(fix("first"), fix("second", on_failure="ask"), *last, **fields))
    host.decide("approve").succeed({}).fail("no").order("retry", step="second", inputs={"service": "cart"})
    host.decide("approve", by="bob")
    assert under_way(host) == [["second"]]
    return host.succeed({})


def test_a_covered_change_that_would_be_another_asks_for_itself_and_says_what_differs() -> None:
    host = edited(fix("third", "${{ inputs.service }}"))
    assert under_way(host) == []
    assert (host.request.step, host.request.kind) == ("third", "approval")
    assert [each.command for each in host.request.changes] == ["third cart"]
    (void,) = host.told("void")
    assert "the approval by alice does not cover it" in void
    assert '`run` was ["third","checkout"] and is ["third","cart"]' in void
    assert "inputs.service was checkout and is cart" in void
    assert host.request.notes == (void,)
    assert under_way(host.decide("approve", by="bob")) == [["third", "cart"]]
    assert host.succeed({}).outcome == "succeeded"


def test_who_had_approved_is_told() -> None:
    assert edited(fix("third", "${{ inputs.service }}")).pages.count("alice") == 1


def test_a_void_change_that_is_denied_ends_the_block() -> None:
    host = edited(fix("third", "${{ inputs.service }}")).decide("deny")
    assert (under_way(host), host.outcome) == ([], "denied")


BACK = Call("ssh", {"hosts": ["web1"], "run": ["back", "${{ inputs.service }}"]}, one=True)


def test_a_way_back_that_would_be_another_voids_the_approval_too() -> None:
    host = edited(fix("third", undo=BACK))
    assert under_way(host) == []
    assert [each.undo for each in host.request.changes] == ["back cart"]


def test_a_way_back_of_the_block_around_that_would_be_another_voids_the_approval_too() -> None:
    host = edited(fix("third"), undo=BACK)
    assert under_way(host) == []
    assert "inputs.service was checkout and is cart" in host.told("void")[0]


def test_a_change_that_reads_nothing_of_what_was_edited_is_still_covered() -> None:
    host = edited(fix("third", "${{ run.short_id }}"))
    assert under_way(host) == [["third", "abc"]]
    assert host.told("void") == []


def test_a_step_that_was_certain_not_to_run_asks_for_itself_when_it_runs_after_all() -> None:
    host = edited(fix("third", when="inputs.service == 'cart'"))
    assert (under_way(host), host.request.step) == ([], "third")
    assert "`third` web1 was no part of what was shown" in host.told("void")[0]


def loop(items: Any, most: int = 0, **fields: Any) -> Step:
    call = Call("ssh", {"hosts": ["${{ host }}"], "run": ["fix", "${{ host }}"]}, one=True)
    return Step(
        id="fix",
        effect="change",
        call=call,
        irreversible="x",
        for_each=ForEach("host", items, (1,), most=most),
        **fields,
    )


def test_rounds_of_a_late_list_are_covered_up_to_its_bound() -> None:
    look = read("look", outputs={"hosts": "result.json"})
    host = run(block(look, loop("${{ steps.look.hosts }}", most=2)))
    (shown,) = host.request.changes
    assert shown.target == 'at most 2 targets, known after "look"'
    assert host.request.shares == ('at most 2 targets, known after "look"',)
    host.decide("approve").succeed({"json": ["a", "b"]})
    assert under_way(host) == [["fix", "a"]]
    assert under_way(host.succeed({})) == [["fix", "b"]]
    assert host.succeed({}).outcome == "succeeded"


def test_loops_inside_of_late_rounds_are_covered_with_all_their_rounds() -> None:
    look = read("look", outputs={"shards": "result.json"})
    call = Call("ssh", {"hosts": ["${{ shard }}"], "run": ["fix", "${{ host }}"]}, one=True)
    inner = Step(
        id="fix", effect="change", call=call, irreversible="x", for_each=ForEach("host", ["a", "b"], (1,))
    )
    outer = Step(
        id="out", steps=(inner,), for_each=ForEach("shard", "${{ steps.look.shards }}", (1,), most=2)
    )
    host = run(block(look, outer))
    late = 'at most 2 targets, known after "look"'
    assert [(each.target, each.command) for each in host.request.changes] == [
        (late, "fix a"),
        (late, "fix b"),
    ]
    host.decide("approve").succeed({"json": ["s1", "s2"]})
    done = []
    while host.actions:
        done += under_way(host)
        host.succeed({})
    assert done == [["fix", "a"], ["fix", "b"]] * 2
    assert (host.outcome, host.told("void")) == ("succeeded", [])


def test_a_late_list_beyond_its_bound_executes_nothing() -> None:
    look = read("look", outputs={"hosts": "result.json"})
    host = run(block(look, loop("${{ steps.look.hosts }}", most=2, on_failure="stop")))
    host.decide("approve").succeed({"json": ["a", "b", "c"]})
    assert (under_way(host), host.outcome) == ([], "failed")


def test_a_late_list_without_a_bound_is_no_part_of_an_approval() -> None:
    look = read("look", outputs={"hosts": "result.json"})
    host = run(block(look, loop("${{ steps.look.hosts }}")))
    assert host.request.changes[0].target == 'any number of targets, known after "look"'
    host.decide("approve").succeed({"json": ["a", "b"]})
    assert (under_way(host), host.request.step) == ([], "fix")
    assert [each.target for each in host.request.changes] == ["a", "b"]
    assert "nobody had said how many targets it would have" in host.told("void")[0]
    assert under_way(host.decide("approve")) == [["fix", "a"]]


def test_what_a_child_does_is_compared_with_what_was_shown_of_it() -> None:
    inner = replace(fix("out", "${{ inputs.node }}", "${{ inputs.by }}"), irreversible="x", undo=None)
    strings = {"type": "string"}
    child = Plan("update", "Update", "maintenance", "sre", (inner,), inputs={"node": strings, "by": strings})
    look = read("look", outputs={"leader": "result.json"})
    call = Child("update", {"node": "${{ steps.look.leader }}", "by": "${{ inputs.service }}"})
    host = run(block(look, Step(id="each", child=call)), children={"update": child})
    assert [each.command for each in host.request.changes] == [
        'out <inputs.node, known after "look"> checkout'
    ]
    assert under_way(host.decide("approve").succeed({"json": "db1"})) == [["out", "db1", "checkout"]]
    assert host.succeed({}).outcome == "succeeded"


def test_a_retry_after_an_undo_is_the_same_approved_change() -> None:
    host = run(block(fix("first"), fix("second", on_failure="stop"), on_failure="ask"))
    host.decide("approve").succeed({}).fail("no").decide("retry")
    assert under_way(host) == [["second"]]
    assert host.told("void") == []


def test_a_run_of_an_earlier_release_executes_as_it_did() -> None:
    host = Host(given(plan(block(fix("first"))), policy=POLICY, revision=1)).start()
    assert under_way(host.decide("approve")) == [["first"]]
    assert all(key not in host.state.requests["block"].bound for key in ("changes", "roles"))


# --- while it waits ---------------------------------------------------------------------------------------


def two(first: Step, second: Step) -> Host:
    """Two loops of one round that ask at the same time: `a[0].first` and `a[1].second`."""
    rounds = Step(
        id="a",
        steps=(replace(first, when="host == 'x'"), replace(second, when="host == 'y'")),
        for_each=ForEach("host", ["x", "y"], (2,)),
        irreversible="x",
    )
    return run(rounds)


def asked(host: Host, step: str) -> Any:
    (found,) = [
        each.request for each in host.state.requests.values() if each.node == step and not each.closed
    ]
    return found


def test_edited_inputs_void_the_other_open_approvals_that_read_them() -> None:
    host = two(fix("first", approval=IC), fix("second", "${{ inputs.service }}", approval=IC))
    before = asked(host, "a[1].second")
    host.order("retry", step="a[0].first", inputs={"service": "cart"})
    after = asked(host, "a[1].second")
    assert (after.id, after.changes[0].command) == ("a[1].second.2", "second cart")
    assert after.digest != before.digest
    assert "inputs.service was checkout and is cart" in after.notes[0]
    assert host.state.requests["a[1].second"].closed.startswith("void: ")
    late = Decision(before.id, "approve", "alice", before.digest)
    assert "already answered: void" in host.conductor.refusal(host.state, late)


def test_an_open_approval_that_would_be_the_same_is_left_alone_however_late_it_is() -> None:
    second = fix("second", "${{ string(run.now) }}", approval=IC)
    host = two(fix("first", approval=IC), second).after(500)
    before = asked(host, "a[1].second")
    host.order("retry", step="a[0].first", inputs={"service": "cart"})
    assert asked(host, "a[1].second") == before


@pytest.mark.parametrize(
    ("fields", "phase"),
    [
        ({"require": (Require("inputs.service != 'cart'", "not for ${{ inputs.service }}"),)}, Phase.REFUSED),
        ({"when": "inputs.service != 'cart'"}, Phase.SKIPPED),
    ],
)
def test_what_is_not_wanted_any_more_is_withdrawn(fields: dict[str, Any], phase: Phase) -> None:
    rounds = Step(
        id="a",
        steps=(
            fix("first", approval=IC, when="host == 'x'"),
            Step(id="in", when="host == 'y'", steps=(fix("second", approval=IC, **fields),)),
        ),
        for_each=ForEach("host", ["x", "y"], (2,)),
    )
    host = run(rounds)
    assert asked(host, "a[1].second")
    host.order("retry", step="a[0].first", inputs={"service": "cart"})
    assert host.state.nodes["a[1].second"].phase is phase
    assert host.state.requests["a[1].second"].closed.startswith("withdrawn: ")
    assert host.told("withdrawn")


def test_an_approval_that_a_hold_keeps_back_is_void_when_its_inputs_change() -> None:
    host = two(fix("first", approval=IC), fix("second", "${{ inputs.service }}", approval=IC))
    host.order("hold")
    waiting = asked(host, "a[1].second")
    say(host, "approve", waiting)
    assert host.state.nodes["a[1].second"].phase is Phase.READY
    host.order("retry", step="a[0].first", inputs={"service": "cart"})
    again = asked(host, "a[1].second")
    assert (again.id, again.changes[0].command) == ("a[1].second.2", "second cart")
    assert "alice had approved" in again.notes[0]
    host.order("release")
    assert under_way(host) == []
    say(host, "approve", again)
    assert under_way(host) == [["second", "cart"]]


# --- loops of changes on hold -----------------------------------------------------------------------------


def held_loop() -> Host:
    needed = Require("!run.resolved", "it has resolved")
    loop = fix("fix", approval=IC, for_each=ForEach("n", [1, 2, 3], (2,)), require=(needed,))
    host = run(loop).order("hold", by="bob").decide("approve", "alice")
    assert [each.path for each in host.state.parked] == ["fix"], "not a round has begun"
    return host


def test_an_approved_loop_that_a_hold_keeps_back_looks_at_what_it_requires_before_it_changes_anything() -> (
    None
):
    host = held_loop().feed(AlertReported(1000.0, "resolved"))
    assert (host.outcome, host.executed) == ("refused", [])


def test_the_approval_of_a_loop_that_a_hold_keeps_back_can_be_withdrawn() -> None:
    host = held_loop().order("withdraw", "alice", "not sure")
    assert host.request.id == "fix.2"
    host.decide("approve", "bob").order("release", "bob")
    assert len(host.actions) == 2


def test_the_first_change_of_a_block_that_a_hold_keeps_back_looks_at_what_the_block_requires() -> None:
    needed = Require("!run.resolved", "it has resolved")
    host = run(block(read("look"), fix("fix"), require=(needed,))).order("hold", by="bob")
    host.decide("approve", "alice").succeed({}).feed(AlertReported(1000.0, "resolved"))
    host.after(3600.0).order("release")
    assert (host.outcome, host.state.reason, host.actions) == ("refused", "it has resolved", {})


def test_a_block_that_has_changed_something_goes_on_after_a_hold() -> None:
    needed = Require("!run.resolved", "it has resolved")
    host = run(block(fix("one"), fix("two"), require=(needed,))).decide("approve").order("hold", by="bob")
    host.succeed({}).feed(AlertReported(1000.0, "resolved")).order("release")
    assert under_way(host) == [["two"]]
