"""How far something goes: shown to whoever approves it, and stopped before that where it cannot begin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.conductor.approval.preview import page_text
from stanch.contract import Request
from stanch.language.plan import Approval, Call, Check, ForEach, Json, Poll, Require, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))
RATE = Check(Call("http", {"url": "http://rate/"}), Poll("result.json < 0.01", within=60), each_batch=True)


def fan(items: Json, *batches: int | str, **fields: Any) -> Step:
    each = ForEach("host", items, batches or (1,), **fields.pop("each", {}))
    call = Call("ssh", {"hosts": ["${{ host }}"], "run": ["fix"]}, one=True)
    return replace(change(**{"approval": None, "on_failure": "stop", **fields}), call=call, for_each=each)


def fix(hosts: Json, **fields: Any) -> Step:
    call = Call("ssh", {"hosts": hosts, "run": ["fix"]})
    return replace(change(**{"approval": None, "on_failure": "stop", **fields}), call=call)


def block(*steps: Step, **fields: Any) -> Step:
    return Step(id="block", title="All of it", steps=steps, approval=IC, **fields)


def run(*steps: Step, **fields: Any) -> Host:
    return Host(given(plan(*steps), **fields)).start()


# --- shown ------------------------------------------------------------------------------------------------


def test_a_request_shows_the_batches_the_pause_and_when_it_stops() -> None:
    hosts = [f"web{number}" for number in range(14)]
    asked = run(fan(hosts, 1, "25%", "100%", each={"pause": 30.0}, approval=IC, verify=RATE)).request
    pace = "1 host, then 4, then 9; each batch verified before the next; 30s pause; "
    pace += "stops after the first failure"
    assert asked.batches == (pace,)
    assert page_text("SEV2", asked).startswith(f"SEV2: Do fix? (14 changes) | {pace} | ")


def test_a_block_shows_each_loop_of_changes_in_it_by_its_title() -> None:
    look = replace(read("look"), for_each=ForEach("page", ["a", "b"], (1,)))
    other = replace(fan("${{ steps.list.hosts }}", 2, each={"most": 9}), id="other", title="Do the others")
    listed = read("list", outputs={"hosts": "result.json"})
    asked = run(block(look, listed, fan(["a", "b"]), other)).request
    assert asked.batches == (
        "Do fix: 2 hosts, one by one; stops after the first failure",
        "Do the others: at most 9 hosts, in batches of 2; stops after the first failure",
    )


def test_a_loop_around_a_block_shows_how_it_goes() -> None:
    rounds = block(replace(fan([]), for_each=None), for_each=ForEach("host", ["a", "b", "c"], (1, 2)))
    assert run(rounds).request.batches == ("1 host, then 2; stops after the first failure",)


@pytest.mark.parametrize(
    "other", [{"pause": 9.0}, {"max_failures": 1}, {"max_failures": "50%"}, {"batches": (2,)}]
)
def test_other_batches_are_another_question(other: dict[str, Any]) -> None:
    def asked(**fields: Any) -> Request:
        step = fan(["a", "b"], approval=IC)
        assert step.for_each is not None
        return run(replace(step, for_each=replace(step.for_each, **fields))).request

    assert asked().digest == asked().digest
    assert asked(**other).digest != asked().digest


# --- stopped before anybody is asked ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (fan([]), "`for_each` of `fix` has no items; write `empty: ok` if that is fine"),
        (fix([]), "`fix` has no targets: its `hosts` is an empty list"),
        (fix("${{ inputs.hosts.filter(h, false) }}"), "`fix` has no targets: its `hosts` is an empty list"),
        (fan(["a", "b"], each={"most": 1}), "`fix` has 2 items, and its author allows 1 at most"),
        (fix("${{ inputs.hosts }}", most_targets=2), "`fix` has 3 targets, and its author allows 2 at most"),
    ],
)
@pytest.mark.parametrize("around", [False, True])
def test_what_has_no_targets_or_too_many_stops_before_anybody_is_asked(
    step: Step, reason: str, around: bool
) -> None:
    host = run(block(read(), step)) if around else run(replace(step, approval=IC))
    assert (host.outcome, host.state.reason) == ("failed", reason)
    assert (host.executed, host.pages) == ([], [])


def test_nobody_is_needed_for_no_targets_to_stop_a_change() -> None:
    host = run(fix([], unattended="a test"))
    assert (host.outcome, host.executed) == ("failed", [])


@pytest.mark.parametrize(
    "step",
    [
        fan([], each={"empty_ok": True}),
        fan([], on_failure="continue"),
        fan([], when="steps.look.v"),
        fix([], on_failure="continue"),
        fix([], when="steps.look.v"),
        replace(block(fix([]), when="steps.look.v"), id="inner", approval=None),
        fan(["a", "b"], each={"most": 1}, when="steps.look.v"),
    ],
)
def test_what_may_be_left_out_or_may_fail_does_not_stop_the_question(step: Step) -> None:
    look = read("look", outputs={"v": "false"})
    host = run(block(look, step, replace(fix(["a"]), id="sure")))
    assert host.request.changes[-1].target == "a"
    done = host.decide("approve").succeed({})
    assert [each.task.step for each in done.actions.values()] == ["sure"]


def test_more_items_than_an_input_may_have_do_not_even_begin() -> None:
    """Checked at the start, by `check_inputs`; a runbook that is called is checked as its turn comes."""
    step = fan("${{ inputs.hosts }}", each={"most": 50}, approval=IC)
    host = run(step, inputs={"service": "x", "hosts": []})
    assert (host.outcome, host.pages) == ("failed", [])


def test_more_rounds_than_a_run_may_have_stop_before_anybody_is_asked() -> None:
    host = run(fan([f"h{number}" for number in range(20_001)], approval=IC))
    assert host.state.reason == "a run has at most 20,000 steps and rounds, and this would be more"
    assert (host.outcome, host.pages) == ("failed", [])


def test_a_list_that_is_another_since_the_approval_is_asked_again_and_nothing_runs() -> None:
    first = replace(fan(["a"]), id="first", on_failure="ask", require=(Require("true", "no"),))
    hosts = {"type": "array", "items": {"type": "string"}, "maxItems": 9}
    which = plan(block(first, fan("${{ inputs.hosts }}")), inputs={"hosts": hosts})
    host = Host(given(which, inputs={"hosts": ["a", "b"]})).start().decide("approve").fail()
    host.order("retry", step="first", inputs={"hosts": ["a", "b", "c"]})
    while host.request.step == "first":
        host.decide("approve")
        host.succeed({})
    before = len(host.executed)
    assert (host.request.step, host.actions) == ("fix", {})
    assert [each.target for each in host.request.changes] == ["a", "b", "c"]
    assert "it was for 2 rounds, and now there are 3" in host.told("void")[-1]
    host.decide("deny")
    assert (host.outcome, len(host.executed)) == ("denied", before)


def test_a_share_of_failures_stops_the_rest() -> None:
    host = run(fan(list("abcdefghij"), 2, each={"max_failures": "10%"}, approval=IC)).decide("approve")
    host.fail().succeed({}).succeed({}).succeed({})
    assert len(host.actions) == 2
    host.fail().succeed({})
    assert host.outcome == "failed"
    assert host.state.reason.startswith("2 of 10 failed; 4 not touched")
