"""A worker's death is not a guess: the outcome of a change that was lost is asked, never assumed."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from stanch.conductor import describe
from stanch.conductor.events import AlertReported
from stanch.conductor.times import spent_until
from stanch.contract import RunPolicy
from stanch.language.plan import Approval, Call, Check, ForEach, Poll, Require
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

DONE = Check(
    Call("ssh", {"hosts": ["web1"], "run": ["is", "it"]}, one=True), Poll("result.rc == 0", within=30)
)


def lost(**fields: Any) -> Host:
    host = Host(given(plan(change(on_failure="ask", **fields)))).start()
    return host.decide("approve").lose("its worker went silent; it may have acted")


def test_the_done_check_decides_that_it_was_made() -> None:
    host = lost(done=DONE)
    (check,) = host.actions.values()
    assert (check.task.call, check.task.effect, check.task.poll) == (DONE.call, "read", DONE.poll)
    host.succeed({"rc": 0})
    assert host.outcome == "succeeded"
    assert len(host.state.ledger) == 1


def test_a_done_check_that_does_not_hold_asks_with_the_evidence() -> None:
    host = lost(done=DONE).fail("`result.rc == 0` did not hold within 30s")
    assert host.request.kind == "in_doubt"
    assert host.request.choices == ("done", "retry", "abort")
    assert "went silent" in host.request.evidence[0]
    assert "did not hold" in host.request.evidence[0]


def test_without_a_done_check_a_person_is_asked_at_once_and_nothing_is_repeated() -> None:
    host = lost()
    assert not host.actions
    assert host.request.kind == "in_doubt"
    assert len(host.executed) == 1


def test_a_person_may_say_that_it_was_done() -> None:
    host = lost().decide("done", reason="I looked")
    assert host.outcome == "succeeded"


def test_what_a_person_says_was_done_is_in_the_ledger_and_the_other_batches_follow() -> None:
    step = change(on_failure="ask", for_each=ForEach("host", ["a", "b"], (1,)))
    host = Host(given(plan(step))).start().decide("approve").lose().decide("done", reason="I looked")
    assert [effect.step for effect in host.state.ledger] == ["fix[0]"]
    assert [action.task.step for action in host.actions.values()] == ["fix[1]"]
    assert host.succeed({}).outcome == "succeeded"


def test_what_a_retry_finds_in_place_is_the_lost_attempt_s_work_and_can_be_taken_back() -> None:
    host = lost(done=DONE).fail("`result.rc == 0` did not hold within 30s").decide("retry")
    host.succeed({"rc": 0}, already=True)
    assert host.outcome == "succeeded"
    assert [effect.command for effect in host.state.ledger] == ["fix fix"]
    assert "whose outcome was unknown" in host.told("step_succeeded")[0]


def test_the_question_about_a_fan_out_says_which_item_is_in_doubt_and_which_has_failed() -> None:
    step = change(on_failure="ask", for_each=ForEach("host", ["a", "b", "c"], (2,)))
    host = Host(given(plan(step))).start().decide("approve").lose("its worker went silent").fail("b: full")
    assert host.request.evidence == (
        "1 of 3 failed, 1 of 3 in doubt; 1 not touched: a: its worker went silent; b: full",
    )


def test_nobody_to_ask_ends_in_doubt_and_not_in_failed() -> None:
    host = Host(given(plan(change(on_failure="stop")))).start().decide("approve").lose("gone")
    assert (host.outcome, host.state.reason) == ("in_doubt", "gone")


def test_a_lost_read_has_simply_failed() -> None:
    host = Host(given(plan(read()))).start().lose("gone")
    assert host.outcome == "failed"


def test_time_in_doubt_has_its_own_account() -> None:
    host = lost(done=DONE)
    shown = describe.view(host.state, host.now)
    assert spent_until(shown, host.now + 3).in_doubt == shown.spent.in_doubt + 3
    host.after(7).succeed({"rc": 0})
    assert host.state.spent.in_doubt == 7


def test_a_run_that_waits_is_accounted_for_up_to_now() -> None:
    host = Host(given(plan(change()))).start()
    shown = describe.view(host.state, host.now)
    assert spent_until(shown, host.now + 60).waiting == 60
    host.decide("approve").succeed({})
    over = describe.view(host.state, host.now)
    assert spent_until(over, host.now + 60) == over.spent


# --- abort ------------------------------------------------------------------------------------------------


def test_abort_while_a_person_is_asked_ends_at_once() -> None:
    host = Host(given(plan(change()))).start().abort()
    assert (host.outcome, host.state.reason) == ("aborted", "aborted by alice: wrong runbook")
    assert not host.timers
    assert not describe.open_requests(host.state)


def test_abort_stops_what_is_under_way_and_waits_to_hear_how_it_ended() -> None:
    host = Host(given(plan(change(), read("after")))).start().decide("approve").abort()
    assert host.cancelled == [next(iter(host.actions))]
    assert host.finished is None
    host.lose("it was cancelled while it was acting")
    assert host.outcome == "in_doubt"
    assert host.state.reason.endswith("in doubt: fix")


def test_a_change_that_ended_before_it_could_be_stopped_is_in_the_ledger() -> None:
    host = Host(given(plan(change(), read("after")))).start().decide("approve").abort().succeed({})
    assert host.outcome == "aborted"
    assert [effect.command for effect in host.state.ledger] == ["fix fix"]
    assert len(host.executed) == 1


# --- it is not asked or begun again -----------------------------------------------------------------------

TWO = Approval(("incident_commander",), quorum=2)


def asked_anew(*, on_resolved: Literal["ask", "withdraw"] = "ask", **fields: Any) -> Host:
    """A change whose end nobody knows, and which two people are to approve once more."""
    policy = RunPolicy(ladders={"incident_commander": LADDER}, on_resolved=on_resolved)
    host = Host(given(plan(change(on_failure="ask", approval=TWO, **fields)), policy=policy)).start()
    host.decide("approve", "alice").decide("approve", "bob")
    if "for_each" in fields:
        host.succeed({})
    host.lose().decide("retry", "alice")
    assert host.request.kind == "approval"
    return host


@pytest.mark.parametrize(
    "fields",
    [
        {"on_resolved": "withdraw"},
        {"when": "!run.resolved"},
        {"require": (Require("!run.resolved", "it has resolved"),)},
    ],
)
def test_an_alert_that_resolves_does_not_tell_what_became_of_a_lost_attempt(fields: dict[str, Any]) -> None:
    host = asked_anew(**fields).feed(AlertReported(1000.0, "resolved"))
    assert host.outcome is None
    assert host.request.kind == "in_doubt"
    assert "nobody knows yet what became of an earlier attempt" in host.request.evidence[0]
    assert host.decide("done", reason="I looked").outcome == "succeeded"


def test_rounds_that_are_asked_about_again_are_not_taken_for_done_with_the_rest() -> None:
    host = asked_anew(on_resolved="withdraw", for_each=ForEach("n", [1, 2, 3], (1,)))
    host.feed(AlertReported(host.now, "resolved"))
    assert host.request.kind == "in_doubt"
    host.decide("done", reason="I looked")
    assert [effect.step for effect in host.state.ledger] == ["fix[0]", "fix[1]"]
    assert host.outcome is None, "the third has not been made"
    assert not host.actions, "and nobody approves it any more"


def test_what_requires_something_else_now_is_in_doubt_and_not_refused() -> None:
    step = change(on_failure="ask", require=(Require("!run.resolved", "it has resolved"),))
    host = Host(given(plan(step))).start().decide("approve").lose()
    host.feed(AlertReported(host.now, "resolved")).decide("retry")
    assert (host.outcome, host.request.kind) == (None, "in_doubt")
    assert host.request.evidence[0].startswith("it has resolved; nobody knows")
