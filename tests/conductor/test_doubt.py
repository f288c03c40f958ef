"""A worker's death is not a guess: the outcome of a change that was lost is asked, never assumed."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from stanch.conductor import describe
from stanch.conductor.events import AlertReported
from stanch.conductor.times import spent_until
from stanch.contract import RunPolicy, TargetEnd
from stanch.language.plan import Approval, Call, Check, ForEach, Poll, Require, Step
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


def test_the_done_check_decides_that_it_was_not_made_and_then_it_has_failed() -> None:
    host = lost(done=DONE).after(31).fail("`result.rc == 0` did not hold within 30s", says_no=True)
    assert (host.request.kind, host.request.choices) == ("failure", ("retry", "skip", "abort"))
    assert "`done` says that it was not made" in host.request.evidence[0]
    assert any(line.startswith("`done` at 1970-01-01 00:17:11 UTC: ") for line in host.request.evidence)
    assert host.decide("skip").outcome == "succeeded"
    assert not host.state.ledger


def test_what_comes_into_place_after_its_check_has_said_no_is_in_the_ledger_all_the_same() -> None:
    host = lost(done=DONE).fail("no", says_no=True).decide("retry").succeed({"rc": 0}, already=True)
    assert [effect.command for effect in host.state.ledger] == ["fix fix"]


def test_a_done_check_that_cannot_be_asked_asks_with_the_evidence() -> None:
    host = lost(done=DONE).after(31).fail("connection refused")
    assert host.request.kind == "in_doubt"
    assert host.request.choices == ("done", "retry", "undo", "abort")
    assert host.request.evidence == (
        "its worker went silent; it may have acted; the `done` check does not settle it: connection refused",
        "sent at 1970-01-01 00:16:40 UTC: fix fix on web1",
        "came back at 1970-01-01 00:16:40 UTC: its worker went silent; it may have acted",
        "`done` at 1970-01-01 00:17:11 UTC: it cannot be told; connection refused",
        "`done` takes it as made: it is put into the ledger, and the run goes on",
        "`retry` looks first, and executes it only if it is not in place, as a new attempt",
        "`undo` carries out the way back, whether or not it was made: `unfix fix` web1; the step ends",
        "`abort` ends the run now, in doubt",
    )


def test_the_evidence_names_each_target_and_what_it_printed_last() -> None:
    ends = (
        TargetEnd("web1", "done"),
        TargetEnd("web2", "unknown", "in `migrate`", "step 3 of 9"),
        TargetEnd("web3", "not_started"),
        TargetEnd("web4", "not_started"),
    )
    host = Host(given(plan(change()))).start().decide("approve").lose("gone", ends=ends, heard=990.0)
    heard = "(as its worker told at 1970-01-01 00:16:30 UTC)"
    assert host.request.evidence[3:7] == (
        f"web1: ended {heard}",
        f"web2: begun, and nobody knows how it ended: in `migrate` {heard}",
        f"web3, web4: not begun {heard}",
        "web2 printed last: step 3 of 9",
    )


def test_of_several_targets_a_no_does_not_tell_that_nothing_was_made() -> None:
    call = Call("ansible", {"module": "x", "hosts": ["web1", "web2"]})
    host = lost(done=DONE, call=call).fail("no", says_no=True)
    assert host.request.kind == "in_doubt"


def test_what_may_still_be_running_is_not_taken_for_not_made() -> None:
    host = Host(given(plan(change(done=DONE)))).start().decide("approve")
    host.lose("time is over", ends=(TargetEnd("web1", "running"),)).fail("no", says_no=True)
    assert host.request.kind == "in_doubt"


def test_a_secret_in_what_was_sent_is_a_reference_in_the_evidence() -> None:
    call = Call("http", {"method": "POST", "url": "http://x/", "json": {"token": {"secret": "env/T"}}})
    host = lost(call=call)
    assert host.request.evidence[1].endswith('POST http://x/ {"token":"[secret env/T]"} on x')


def test_undo_in_doubt_carries_out_the_way_back_whether_or_not_it_was_made() -> None:
    host = lost().decide("undo")
    (back,) = host.actions.values()
    assert back.task.call.params["run"] == ["unfix", "fix"]
    host.succeed({"rc": 0})
    assert (host.outcome, [effect.undone for effect in host.state.ledger]) == ("failed", [True])
    assert host.state.reason.endswith("all 1 changes were taken back")


def test_an_undo_in_doubt_that_fails_leaves_it_in_doubt() -> None:
    host = lost().decide("undo").fail("no")
    assert (host.outcome, [effect.undone for effect in host.state.ledger]) == ("in_doubt", [False])


def test_undo_in_doubt_takes_back_the_doubtful_attempt_and_then_what_came_before() -> None:
    block = Step(
        id="all",
        steps=(change("one", approval=None), change("two", approval=None)),
        approval=Approval(("incident_commander",)),
    )
    host = Host(given(plan(block))).start().decide("approve").succeed({}).lose()
    assert (
        "`undo` carries out the way back, whether or not it was made: `unfix two` web1, and then takes back "
        "what all of `all` has changed so far (1); `all` ends"
    ) in host.request.evidence
    host.decide("undo").succeed({}).succeed({})
    assert [action.task.call.params["run"] for action in host.executed[2:]] == [
        ["unfix", "two"],
        ["unfix", "one"],
    ]
    assert host.outcome == "failed"


def test_where_there_is_no_way_back_undo_is_no_answer_in_doubt() -> None:
    host = lost(undo=None, irreversible="it is gone")
    assert host.request.choices == ("done", "retry", "abort")


def test_a_retry_is_a_new_attempt_with_a_key_of_its_own() -> None:
    host = lost().decide("retry")
    first, second = (action.task.key for action in host.executed)
    assert first != second


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
    assert host.request.evidence[:2] == (
        "1 of 3 failed, 1 of 3 in doubt; 1 not touched: a: its worker went silent; b: full",
        "fix[0]: sent at 1970-01-01 00:16:40 UTC: fix fix on web1",
    )


@pytest.mark.parametrize("on_failure", ["stop", "continue", "undo"])
def test_whatever_a_failure_leads_to_what_nobody_knows_is_asked(on_failure: Any) -> None:
    host = Host(given(plan(change(on_failure=on_failure), read()))).start().decide("approve").lose("gone")
    assert host.request.kind == "in_doubt"
    assert host.decide("abort").outcome == "in_doubt"


def test_in_a_run_of_an_earlier_release_nobody_is_asked_and_it_ends_in_doubt() -> None:
    old = given(plan(change(on_failure="stop")), revision=1)
    host = Host(old).start().decide("approve").lose("gone")
    assert (host.outcome, host.state.reason) == ("in_doubt", "gone")


def test_how_many_may_fail_does_not_tell_how_many_may_be_in_doubt() -> None:
    step = change(for_each=ForEach("host", ["a", "b"], (1,), max_failures=1))
    host = Host(given(plan(step))).start().decide("approve").lose()
    assert host.request.kind == "in_doubt"


def limited() -> Host:
    """A block whose time runs out while a change in it is under way."""
    block = Step(
        id="all",
        steps=(change("one", approval=None), change("two", approval=None)),
        approval=Approval(("incident_commander",)),
        on_failure="ask",
        limit=60.0,
    )
    host = Host(given(plan(block))).start().decide("approve").fire()
    return host.lose("it was cancelled while it was acting")


def test_a_block_that_is_gone_on_without_leaves_the_run_in_doubt() -> None:
    host = limited()
    assert host.request.choices == ("done", "retry", "skip", "undo", "abort")
    assert "one: sent at 1970-01-01 00:16:40 UTC: fix one on web1" in host.request.evidence
    host.decide("skip")
    assert (host.outcome, host.state.reason.endswith("in doubt: one")) == ("in_doubt", True)


def test_what_a_person_says_was_done_in_a_block_is_gone_on_from() -> None:
    host = limited().decide("done", reason="I looked")
    assert [effect.step for effect in host.state.ledger] == ["one"]
    assert [action.task.step for action in host.actions.values()] == ["two"]
    assert host.succeed({}).outcome == "succeeded"


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
