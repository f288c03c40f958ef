"""Questions to people: who may answer, what is refused, how silence climbs and ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.conductor import describe
from stanch.conductor.approval import binding
from stanch.conductor.commands import Page
from stanch.conductor.events import DecisionRefused
from stanch.conductor.requests import requesting
from stanch.contract import Decision, RunPolicy
from stanch.language.plan import Approval, Call, ForEach, Silence
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read


def asking(policy: RunPolicy | None = None, **fields: Any) -> Host:
    return Host(given(plan(change(**fields)), policy=policy)).start()


def test_nobody_answers_so_the_ladder_climbs_and_the_request_is_denied() -> None:
    host = asking()
    assert host.pages == ["incident_commander"]
    times = []
    while host.timers:
        host.fire()
        times.append((host.now - 1000.0, host.pages[-1], host.outcome))
    assert times == [
        (300.0, "incident_commander", None),
        (600.0, "technical_lead", None),
        (1800.0, "technical_lead", "denied"),
    ]
    assert not host.executed
    assert host.state.reason == "nobody answered; silence ends in deny"


def test_a_page_says_what_would_run_where() -> None:
    host = asking(for_each=ForEach("host", ["a", "b"], (1,)))
    (page,) = [command.task for command in host.commands if isinstance(command, Page)]
    pace = "2 hosts, one by one; stops after the first failure"
    assert page.text == f"SEV3 rollback-release: Do fix? (2 changes) | {pace} | web1: fix fix"
    failed_one = failed()
    pages = [command.task.text for command in failed_one.commands if isinstance(command, Page)]
    assert pages[-1] == "SEV3 rollback-release: Do fix: it failed. What now? | exit status 1"


def test_silence_may_abort_instead_and_never_approves() -> None:
    host = asking(approval=Approval(("incident_commander",), silence=Silence(after=60, then="abort")))
    assert host.fire().outcome == "aborted"
    assert host.pages == ["incident_commander"]
    assert not host.executed


def test_a_decision_stops_the_ladder() -> None:
    host = asking().decide("approve")
    assert not host.timers
    assert host.succeed({}).outcome == "succeeded"


def test_a_denial_ends_the_run_and_says_who_and_why() -> None:
    host = asking().decide("deny", by="bob", reason="wrong service")
    assert (host.outcome, host.state.reason) == ("denied", "denied by bob: wrong service")
    assert not host.executed


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"digest": "0" * 64}, "not bound to what is asked now"),
    ({"digest": ""}, "not bound to what is asked now: it carries no digest"),
    ({"digest": "abc"}, "not bound to what is asked now"),
    ({"request": "other"}, "no request `other`"),
    ({"request": ""}, "it names no request; open: `fix`"),
    ({"choice": "retry"}, "`retry` is no answer"),
    ({"choice": "deny", "reason": " "}, "`deny` needs a reason"),
    ({"by": ""}, "needs the name"),
    ({"by": "alert:alertmanager"}, "started this run"),
    ({"by": "mallory"}, "does not hold the role incident_commander"),
    ({"confirm": "web"}, "type `web1` to confirm"),
]


@pytest.mark.parametrize(("wrong", "why"), REFUSALS)
def test_a_decision_that_cannot_be_taken_is_refused_with_the_reason(wrong: dict[str, Any], why: str) -> None:
    roles = {"incident_commander": ("alice", "alert:alertmanager")}
    policy = RunPolicy(ladders={"incident_commander": LADDER}, roles=roles)
    host = asking(policy, approval=Approval(("incident_commander",), confirm="web1"))
    fields = {"choice": "approve", "by": "alice", "confirm": "web1", **wrong}
    before = host.state
    assert why in host.conductor.refusal(host.state, host.decision(**fields))
    assert host.state is before
    assert host.conductor.refusal(host.state, host.decision("approve", confirm="web1")) == ""


def test_an_answered_request_refuses_a_second_answer_and_says_by_whom() -> None:
    host = Host(given(plan(change("one"), change("two")))).start()
    late = host.decision("deny", by="bob")
    host.decide("approve", by="alice").succeed({})
    assert "already answered: approve by alice" in host.conductor.refusal(host.state, late)


def test_a_refused_signal_is_told_in_the_timeline_and_bounded() -> None:
    host = asking()
    for _ in range(80):
        decision = Decision(request="fix", choice="approve", by="eve")
        host.feed(DecisionRefused(host.now, decision, "no digest"))
    assert len(host.told("refused")) == 50
    assert host.request.id == "fix"


def test_the_starter_may_approve_only_if_the_policy_says_so() -> None:
    allowed = RunPolicy(ladders={"incident_commander": LADDER}, self_approval=True)
    assert asking(allowed).decide("approve", by="alert:alertmanager").actions


def test_a_quorum_needs_different_people() -> None:
    host = asking(approval=Approval(("incident_commander",), quorum=2))
    host.decide("approve", by="alice")
    assert not host.actions
    assert host.request.answers == ("alice",)
    again = host.conductor.refusal(host.state, host.decision("approve", by="alice"))
    assert "2 different people" in again
    assert host.decide("approve", by="bob").actions


def test_a_digest_may_be_given_by_its_beginning() -> None:
    host = asking()
    assert host.decide("approve", digest=host.request.digest[:12]).actions


def test_details_say_what_is_awaited_until_when_and_how_to_answer() -> None:
    host = asking()
    text = describe.details(host.state)
    assert "Waiting for incident\\_commander" not in text
    assert "**Waiting for incident_commander:** Do fix?" in text
    assert "`fix fix`, taken back by `unfix fix`" in text
    assert f"stanch approve {host.state.run} --request fix" in text
    assert host.request.digest[:12] in text


# --- a step that failed -----------------------------------------------------------------------------------


def failed(**fields: Any) -> Host:
    host = Host(given(plan(change(on_failure="ask", **fields), read("after")))).start()
    return host.decide("approve").fail("exit status 1")


def test_a_failed_change_asks_what_now() -> None:
    host = failed()
    assert host.request.kind == "failure"
    assert host.request.choices == ("retry", "skip", "abort")
    assert host.request.evidence == ("exit status 1",)
    assert host.pages == ["incident_commander", "incident_commander"]


def test_retry_does_the_same_frozen_work_again() -> None:
    host = failed()
    first = host.executed[0]
    host.decide("retry")
    again = host.executed[-1]
    assert (again.task.call, again.task.step) == (first.task.call, first.task.step)
    assert again.key != first.key
    assert again.task.key != first.task.key
    assert host.succeed({}).succeed({}).outcome == "succeeded"


def test_skip_goes_on_with_the_next_step() -> None:
    host = failed().decide("skip")
    assert [action.task.step for action in host.actions.values()] == ["after"]


def test_abort_ends_the_run() -> None:
    assert failed().decide("abort").outcome == "aborted"


def test_silence_on_a_failed_step_aborts() -> None:
    host = failed()
    while host.timers:
        host.fire()
    assert host.outcome == "aborted"


def test_on_failure_stop_fails_the_run_and_continue_goes_on() -> None:
    stop = Host(given(plan(read("a", on_failure="stop"), read("b")))).start().fail("no")
    assert (stop.outcome, stop.state.reason) == ("failed", "no")
    goes_on = Host(given(plan(read("a", on_failure="continue"), read("b")))).start().fail("no")
    assert goes_on.outcome is None
    assert goes_on.state.values["a"]["failed"] is True


# --- taking back ------------------------------------------------------------------------------------------


def fan(**fields: Any) -> Host:
    step = change(
        for_each=ForEach("host", ["a", "b", "c"], (1,)),
        undo=Call("ssh", {"hosts": ["${{ host }}"], "run": ["unfix"]}, one=True),
        **fields,
    )
    return Host(given(plan(step))).start().decide("approve").succeed({}).succeed({}).fail("disk full")


def test_undo_takes_back_what_was_completed_in_reverse_order_and_nothing_else() -> None:
    host = fan(on_failure="ask")
    assert "undo" in host.request.choices
    host.decide("undo")
    undone = []
    while host.actions:
        undone.append(next(iter(host.actions.values())).task.call.params["hosts"])
        host.succeed({})
    assert undone == [["b"], ["a"]]
    assert host.outcome == "failed"
    assert "all 2 changes were taken back" in host.state.reason
    assert [effect.undone for effect in host.state.ledger] == [True, True]


def test_on_failure_undo_does_so_without_asking_and_tells_what_stayed() -> None:
    host = fan(on_failure="undo").fail("host is gone").succeed({})
    assert (host.outcome, [effect.undone for effect in host.state.ledger]) == ("failed", [True, False])
    assert "1 of 2 changes were taken back" in host.state.reason
    assert "could not take back" in host.told("problem")[0]


def test_irreversible_is_a_barrier() -> None:
    host = fan(on_failure="ask", irreversible="the data is gone")
    assert "undo" not in host.request.choices


def test_a_failure_leaves_the_later_batches_alone() -> None:
    host = fan(on_failure="stop")
    assert host.outcome == "failed"
    assert "1 of 3 failed" in host.state.reason
    many = change(for_each=ForEach("n", [1, 2, 3, 4], (1,)), on_failure="stop")
    early = Host(given(plan(many))).start().decide("approve").fail("no")
    assert "1 of 4 failed; 3 not touched: 1: no" in early.state.reason


def test_max_failures_lets_some_fail() -> None:
    step = change(for_each=ForEach("n", [1, 2, 3], (1,), max_failures=1))
    host = Host(given(plan(step))).start().decide("approve").succeed({}).fail("no").succeed({})
    assert host.outcome == "succeeded"
    assert "1 of 3 failed, which is within `max_failures`" in host.told("step_succeeded")


def test_retry_of_a_fan_out_repeats_only_what_failed() -> None:
    host = fan(on_failure="ask").decide("retry")
    assert [action.task.step for action in host.actions.values()] == ["fix[2]"]
    assert host.succeed({}).outcome == "succeeded"
    assert len(host.state.ledger) == 3


def test_the_digest_is_of_data_and_not_of_the_words_made_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later release may word a question better; the decisions in old histories must still replay."""
    first = asking().request
    monkeypatch.setattr(binding, "command_of", lambda call: f"please: {call.action}")
    monkeypatch.setattr(requesting, "gist", lambda value: "as found")
    second = asking().request
    assert second.changes != first.changes
    assert second.digest == first.digest
    other = replace(change(), call=Call("ssh", {"hosts": ["web2"], "run": ["fix", "fix"]}, one=True))
    assert Host(given(plan(other))).start().request.digest != first.digest
