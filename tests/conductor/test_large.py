"""What is too large for Temporal is said before it is too late; what is large is shown in part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.client.payloads import data_converter
from stanch.conductor import describe
from stanch.conductor.within import STEPS, TIMELINE
from stanch.contract import REVISION, ActionTask, Effected, Moment, StepView
from stanch.contract.limits import GIVEN, OUTPUT, REQUEST, RESULT, TASK, UNDER_WAY, filling, size_of
from stanch.language.plan import Call, ForEach, Plan, Poll, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read


def host_of(made: Plan, **inputs: Any) -> Host:
    return Host(replace(given(made, revision=REVISION), inputs=inputs)).start()


def loop(of: Step, items: int, *batches: int) -> Step:
    hosts = [f"web{number:04}.example.org" for number in range(items)]
    call = replace(of.call, params={**of.call.params, "hosts": ["${{ n }}"]}) if of.call else None
    return replace(of, call=call, for_each=ForEach("n", hosts, batches, max_failures=1))


# --- before it is too late --------------------------------------------------------------------------------


def test_an_action_that_would_be_told_too_much_fails_before_it_begins() -> None:
    call = Call("http", {"url": "http://x/", "body": "${{ inputs.text + inputs.text }}"})
    host = host_of(plan(replace(read(), call=call)), text="x" * (TASK // 2))
    assert not host.actions
    assert host.outcome == "failed"
    assert "`look` would give `http` 1.9 MB, and 1.9 MB is the most" in host.state.reason


def test_an_output_that_is_too_large_says_which_it_is() -> None:
    host = host_of(plan(read(outputs={"ok": "1", "all": "result.text"})))
    host.succeed({"text": "x" * (OUTPUT + 1)})
    assert host.outcome == "failed"
    assert "output `all` is 524 kB, and 524 kB is the most that is passed on" in host.state.reason


def test_a_run_gives_what_it_can_and_says_what_it_cannot() -> None:
    made = plan(read(outputs={"all": "result.text"}), outputs={"few": "1", "all": "steps.look.all"})
    host = host_of(made).succeed({"text": "x" * GIVEN})
    assert host.outcome == "succeeded"
    assert host.state.outputs == {"few": 1}
    (problem,) = host.told("problem")
    assert "output `all`: a run gives 200 kB at most" in problem


def test_nobody_is_asked_about_more_than_can_be_shown() -> None:
    few = host_of(plan(loop(change(), 1000, 100)))
    assert few.request.targets == 1000
    assert len(few.request.changes) == 1000
    assert size_of(few.request.changes) < REQUEST
    many = host_of(plan(loop(change(), 6000, 100)))
    assert not many.actions
    told = str(many.state.requests) + many.state.reason
    assert "nobody can be asked about 6,000 changes at once" in told


def test_many_at_once_have_a_share_of_the_room_each_and_one_alone_has_all_of_it() -> None:
    host = host_of(plan(loop(read(), 800)))
    shares = {action.task.room for action in host.actions.values()}
    assert max(shares) * 800 <= UNDER_WAY
    assert min(shares) > 16_000
    (alone,) = host_of(plan(read())).actions.values()
    assert alone.task.room == 0
    assert RESULT < 1 << 21


@pytest.mark.parametrize(
    ("events", "size", "ledger", "said"),
    [
        (39_999, 1 << 20, 0, ""),
        (40_000, 1 << 20, 0, "its history holds 40,000 events, and Temporal ends a run at 51,200"),
        (9, 30_000_000, 0, "its history holds 30.0 MB, and Temporal ends a run at 52.4 MB"),
        (9, 9, 800_000, "its ledger holds 800 kB"),
    ],
)
def test_how_full_a_history_is_is_said_in_figures(events: int, size: int, ledger: int, said: str) -> None:
    assert filling(events, size, ledger).startswith(said)
    assert bool(filling(events, size, ledger)) is bool(said)


# --- sizes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        ActionTask("a[1]", Call("ssh", {"hosts": ["web1"], "run": ["x"] * 50}, one=True), key="k" * 60),
        Effected("a", "web1", "x", 1234.5, undo=Call("ssh", {"hosts": ["web1"]})),
        StepView("a[17]", "Look at it: é\n\x01", "succeeded", 1234.123, 12345.5),
        Moment(1.5, "step_succeeded", '\\ " \t 漢字', "a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_size_is_near_what_is_written(value: Any) -> None:
    (payload,) = data_converter.payload_converter.to_payloads([value])
    assert 0.95 * len(payload.data) <= size_of(value) <= 1.6 * len(payload.data) + 50


# --- what is shown ----------------------------------------------------------------------------------------


def test_of_a_large_run_the_newest_and_what_went_wrong_is_shown() -> None:
    host = host_of(plan(loop(read(), 3000, 500)))
    number = 0
    while host.finished is None:
        number += 1
        if number == 400:
            host.fail("it was number 400")
        else:
            host.succeed({})
        assert number <= 3000
    seen = describe.view(host.state, host.now)
    (payload,) = data_converter.payload_converter.to_payloads([seen])
    assert len(payload.data) < 2 * (STEPS + TIMELINE)
    assert any(step.note == "it was number 400" for step in seen.steps)
    assert seen.timeline[-1] == host.state.timeline[-1]
    assert seen.earlier + len(seen.timeline) == len(host.state.timeline)
    assert [line.partition(" ")[2] for line in seen.left_out] == ["steps that ended well", "older moments"]


def test_of_a_small_run_nothing_is_left_out() -> None:
    host = host_of(plan(read())).succeed({})
    seen = describe.view(host.state, host.now)
    assert (seen.earlier, seen.left_out) == (0, ())
    assert seen.timeline == host.state.timeline


def test_a_wait_of_days_outlives_many_workers() -> None:
    (short,) = host_of(plan(read(poll=Poll("result.ok", within=600.0)))).actions.values()
    (long,) = host_of(plan(read(poll=Poll("result.ok", within=3 * 86400.0)))).actions.values()
    assert short.tries == 3
    assert long.tries > 100
