"""A `verify` that reads the item of its step's loop is asked in each round."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stanch.conductor.events import TimerFired
from stanch.conductor.state import Phase
from stanch.language.plan import Call, Check, ForEach, Poll, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

LOOK = Call("http", {"url": "http://${{ host }}/?${{ steps.fix.rc }}"})
ROUND = Check(LOOK, Poll("result.status == 200", within=60), each_round=True)


def started(*batches: int) -> Host:
    step = change(
        for_each=ForEach("host", ["a", "b"], batches or (1,)),
        outputs={"rc": "result.rc"},
        verify=ROUND,
        on_failure="ask",
    )
    return Host(given(plan(step))).start().decide("approve")


def asked(host: Host) -> list[str]:
    """What is under way: the URL of a verification, or `fix`."""
    return [str(each.task.call.params.get("url", "fix")) for each in host.actions.values()]


def test_the_next_round_waits_until_the_one_before_it_has_helped() -> None:
    host = started()
    assert asked(host) == ["fix"]
    assert asked(host.succeed({"rc": 0})) == ["http://a/?0"]
    assert asked(host.succeed({"status": 200})) == ["fix"]
    assert asked(host.succeed({"rc": 7})) == ["http://b/?7"]
    assert host.told("mitigated") == []
    assert host.succeed({"status": 200}).outcome == "succeeded"
    assert len(host.told("mitigated")) == 1


def test_rounds_of_a_batch_are_verified_side_by_side() -> None:
    host = started(2)
    assert asked(host.succeed({"rc": 0}).succeed({"rc": 0})) == ["http://a/?0", "http://b/?0"]
    assert host.succeed({"status": 200}).succeed({"status": 200}).outcome == "succeeded"


def test_a_round_that_did_not_help_is_asked_about_and_a_retry_looks_again_without_a_change() -> None:
    host = started().succeed({"rc": 0}).fail("still 503 after 1m")
    assert host.request.kind == "failure"
    assert host.request.question.endswith("it failed. What now?")
    assert host.request.choices == ("retry", "skip", "undo", "abort")
    assert "it did not help: still 503 after 1m" in " ".join(host.request.evidence)
    host.decide("retry")
    assert asked(host) == ["http://a/?0"]
    assert asked(host.succeed({"status": 200})) == ["fix"]


def test_what_was_changed_before_it_did_not_help_is_taken_back() -> None:
    host = started().succeed({"rc": 0}).fail("still 503 after 1m").decide("undo")
    (undo,) = host.actions.values()
    assert undo.task.call.params["run"] == ["unfix", "fix"]


# --- behind each batch ------------------------------------------------------------------------------------

RATE = Check(Call("http", {"url": "http://rate/"}), Poll("result.json < 0.01", within=60), each_batch=True)


def canary(**fields: Any) -> Host:
    """Five hosts in batches of one, two, two, each verified."""
    each = ForEach("host", ["a", "b", "c", "d", "e"], (1, "25%"), **fields.pop("each", {}))
    fields.setdefault("on_failure", "ask")
    step = change(for_each=each, verify=RATE, **fields)
    return Host(given(plan(step))).start().decide("approve")


def test_the_next_batch_begins_when_the_one_before_it_has_been_verified() -> None:
    host = canary()
    assert asked(host) == ["fix"]
    assert asked(host.succeed({})) == ["http://rate/"]
    assert host.told("verifying") == ["1 of 5 done, until result.json < 0.01"]
    assert asked(host.succeed({"json": 0.0})) == ["fix", "fix"]
    assert asked(host.succeed({}).succeed({})) == ["http://rate/"]
    assert asked(host.succeed({"json": 0.0})) == ["fix", "fix"]
    assert asked(host.succeed({}).succeed({})) == ["http://rate/"]
    assert host.told("mitigated") == []
    assert host.succeed({"json": 0.0}).outcome == "succeeded"
    assert len(host.told("mitigated")) == 1
    assert len([each for each in host.executed if each.task.effect == "change"]) == 5


def test_a_batch_that_did_not_help_leaves_the_others_alone() -> None:
    host = canary(on_failure="stop").succeed({}).fail("still 0.2 after 1m")
    assert (host.outcome, asked(host)) == ("failed", [])
    assert host.state.reason == "it did not help: still 0.2 after 1m; 4 of 5 not touched"
    assert len(host.state.ledger) == 1


def test_a_retry_verifies_the_batch_again_and_goes_on_with_the_others() -> None:
    host = canary().succeed({}).fail("still 0.2 after 1m")
    assert host.request.choices == ("retry", "skip", "undo", "abort")
    assert asked(host.decide("retry")) == ["http://rate/"]
    assert asked(host.succeed({"json": 0.0})) == ["fix", "fix"]


def test_what_a_batch_that_did_not_help_has_changed_is_taken_back_and_nothing_else() -> None:
    host = canary(on_failure="undo").succeed({}).lose("the worker died")
    (undo,) = host.actions.values()
    assert undo.task.call.params["run"] == ["unfix", "fix"]
    assert host.succeed({}).outcome == "failed"
    assert len(host.state.ledger) == 1


def test_the_pause_between_batches_begins_when_the_batch_has_been_verified() -> None:
    host = canary(each={"pause": 30.0}).succeed({})
    assert (asked(host), len(host.timers)) == (["http://rate/"], 0)
    host.succeed({"json": 0.0})
    assert (asked(host), [each.seconds for each in host.timers.values()]) == ([], [30.0])
    assert asked(host.fire()) == ["fix", "fix"]


def test_a_verification_of_a_batch_that_is_skipped_lets_the_next_one_begin() -> None:
    host = canary().succeed({}).order("skip", step="fix")
    assert len(host.cancelled) == 1
    assert asked(host.fail("cancelled")) == ["fix", "fix"]
    assert "the verification of this batch was skipped by alice: because" in host.told("ordered")


def test_a_loop_whose_time_runs_out_while_a_batch_is_verified_does_not_begin_the_next() -> None:
    host = canary(limit=100.0).succeed({}).fire()
    assert len(host.cancelled) == 1
    host.succeed({"json": 0.0})
    assert (asked(host), host.request.kind) == ([], "failure")
    assert host.request.evidence[0] == "`fix` took longer than 1m40s"


def test_a_loop_that_is_stopped_while_a_batch_is_verified_has_not_succeeded() -> None:
    host = canary().succeed({}).abort().succeed({"json": 0.0})
    assert (host.outcome, host.state.nodes["fix"].phase) == ("aborted", Phase.ABORTED)


def test_rounds_that_may_fail_are_verified_with_the_batch() -> None:
    host = canary(each={"max_failures": "40%"})
    assert asked(host.fail("exit status 1")) == ["http://rate/"]
    assert asked(host.succeed({"json": 0.0}).fail().succeed({})) == ["http://rate/"]
    host.succeed({"json": 0.0}).fail().succeed({})
    assert asked(host) == []
    assert "3 of 5 failed" in host.request.evidence[0]


def test_a_batch_that_took_too_long_ends_with_its_own_question_whatever_else_is_stopped() -> None:
    slow = replace(
        read("each"), for_each=ForEach("h", ["a", "b"], (1,)), verify=RATE, limit=20.0, on_failure="ask"
    )
    beside = Step(id="beside", steps=(read("d"),), limit=10.0, on_failure="ask")
    both = Step(id="both", steps=(slow, beside), parallel=True)
    host = Host(given(plan(both))).start().succeed({})
    for limited in ("each", "beside"):
        key = next(key for key in host.timers if key.startswith(limited))
        del host.timers[key]
        host.feed(TimerFired(host.now, key))
    phases = []
    for _ in ("d", "each"):
        host.fail("it was stopped")
        phases.append(host.state.nodes["each"].phase)
    assert phases == [Phase.VERIFYING, Phase.ASKING], "its own question ends by itself"
    assert host.state.nodes["each"].note == "`each` took longer than 20s"
