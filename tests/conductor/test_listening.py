"""What a run does when its alert resolves, its severity changes, or it comes too often."""

from __future__ import annotations

import pytest

from stanch.conductor.events import AlertReported, OrderGiven
from stanch.contract import Ladder, Order, Rung, RunPolicy
from stanch.language.plan import Approval, Call, Check, Poll, Require, Step
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

ASKED = Approval(("incident_commander",))


def waiting(*steps: Step, policy: RunPolicy | None = None, **fields: object) -> Host:
    return Host(given(plan(*steps), policy=policy, **fields)).start()  # type: ignore[arg-type]


def resolve(host: Host) -> Host:
    return host.feed(AlertReported(host.now, "resolved"))


def order(host: Host, verb: str, **fields: str) -> str:
    """Give the order; why it was refused, or nothing."""
    wanted = Order(verb, "alice", "because", **fields)  # type: ignore[arg-type]
    if refused := host.conductor.order_refusal(host.state, wanted, host.now):
        return refused
    host.feed(OrderGiven(host.now, wanted))
    return ""


def test_a_resolved_alert_withdraws_what_only_made_sense_while_it_fired() -> None:
    host = waiting(change("fix", when="!run.resolved"), read("after"))
    assert host.request.step == "fix"
    resolve(host)
    assert [each.task.step for each in host.actions.values()] == ["after"]
    assert host.state.nodes["fix"].phase == "skipped"


def test_a_resolved_alert_refuses_what_requires_it_to_fire() -> None:
    host = waiting(change("fix", require=(Require("!run.resolved", "the alert has resolved by itself"),)))
    resolve(host)
    assert (host.outcome, host.state.reason) == ("refused", "the alert has resolved by itself")


def test_a_resolved_alert_is_told_where_the_question_still_stands() -> None:
    host = waiting(change("fix"))
    before = host.request.digest
    resolve(host)
    assert (host.request.digest, host.request.notes) == (before, ("the alert has resolved",))
    host.decide("approve")
    assert len(host.executed) == 1


def test_the_policy_may_withdraw_approvals_when_the_alert_resolves() -> None:
    policy = RunPolicy(ladders={"incident_commander": LADDER}, on_resolved="withdraw")
    host = waiting(change("fix"), policy=policy)
    resolve(host)
    assert (host.outcome, host.executed, host.timers) == ("succeeded", [], {})
    assert host.state.nodes["fix"].note == "not asked any more: the alert has resolved"


def test_an_alert_that_fires_again_is_not_resolved() -> None:
    host = waiting(read("look"), change("fix", when="!run.resolved"))
    resolve(host)
    host.after(60).feed(AlertReported(host.now, "firing"))
    host.succeed()
    assert host.request.step == "fix"
    assert host.told("alert") == ["the alert has resolved", "the alert fires again, 1m after it had resolved"]


def test_what_is_repeated_is_told_once() -> None:
    host = waiting(change("fix"))
    resolve(resolve(host))
    assert host.told("alert") == ["the alert has resolved"]


STEEP = Ladder((Rung(0, "incident_commander"), Rung(60, "technical_lead")), 300, "deny")


def test_a_new_severity_has_its_own_ladder() -> None:
    by_severity = {"SEV1": {"incident_commander": STEEP}}
    policy = RunPolicy(ladders={"incident_commander": LADDER}, by_severity=by_severity)
    host = waiting(change("fix"), policy=policy)
    host.after(120)
    assert order(host, "severity", to="SEV1") == ""
    assert host.pages == ["incident_commander", "technical_lead"]
    # The rung that is paged now stands a minute into the ladder, so four are left.
    assert (host.request.until, host.state.given.severity) == (host.now + 240, "SEV1")
    (told,) = host.told("severity")
    assert told.startswith("the severity is SEV1 now, it was SEV3, says ")
    assert told.endswith(" (unverified, via cli)")
    assert len(host.timers) == 1


def test_a_new_severity_is_looked_at_again() -> None:
    host = waiting(change("fix", when='run.severity == "SEV3"'))
    assert order(host, "severity", to="SEV1") == ""
    assert host.state.nodes["fix"].phase == "skipped"


def test_a_severity_that_is_none_or_is_the_same_is_refused() -> None:
    host = waiting(change("fix"))
    assert order(host, "severity", to="P1") == "`P1` is no severity; it is one of SEV1, SEV2, SEV3, SEV4"
    assert order(host, "severity", to="SEV3") == "the run is SEV3 already"


HISTORY = ("began 03:00:00 UTC, completed 03:04:00 UTC", "began 02:40:00 UTC, failed 02:43:00 UTC")


def test_a_runbook_that_comes_too_often_waits_for_a_person() -> None:
    host = waiting(read("look"), flaps=HISTORY)
    assert (host.executed, host.pages) == ([], ["incident_commander"])
    assert (host.request.choices, host.request.evidence) == (("retry", "abort"), HISTORY)
    host.decide("retry")
    assert [each.task.step for each in host.executed] == ["look"]


def test_that_it_may_run_approves_nothing_in_it() -> None:
    host = waiting(change("fix"), flaps=HISTORY)
    host.decide("retry")
    assert (host.request.kind, host.executed) == ("approval", [])


def test_silence_does_not_let_it_run() -> None:
    host = waiting(read("look"), flaps=HISTORY)
    while host.timers:
        host.fire()
    assert (host.outcome, host.executed) == ("aborted", [])


def test_the_moment_at_which_it_helped_is_remembered() -> None:
    verify = Check(Call("http", {"url": "http://x"}), Poll("result.json.rate < 1", within=60))
    host = waiting(change("fix", verify=verify), change("more", verify=verify))
    host.decide("approve").succeed()
    host.after(90).succeed({"json": {"rate": 0}})
    assert host.state.mitigated == 1090.0
    host.decide("approve").succeed()
    host.after(90).succeed({"json": {"rate": 0}})
    assert host.state.mitigated == 1090.0


@pytest.mark.parametrize("already", [True, False])
def test_what_did_not_change_anything_mitigated_nothing(already: bool) -> None:
    verify = Check(Call("http", {"url": "http://x"}), Poll("result.json.rate < 1", within=60))
    host = waiting(change("fix", verify=verify))
    host.decide("approve").succeed(already=already)
    host.succeed({"json": {"rate": 0}})
    assert (host.state.mitigated == 0.0) is already


def test_what_was_taken_back_mitigated_nothing() -> None:
    verify = Check(Call("http", {"url": "http://x"}), Poll("result.json.rate < 1", within=60))
    host = waiting(change("fix", verify=verify), change("more", on_failure="ask"))
    host.decide("approve").succeed()
    host.succeed({"json": {"rate": 0}}).decide("approve")
    assert host.state.mitigated > 0
    assert order(host, "undo") == ""
    host.fail("stopped").succeed()
    assert (host.outcome, host.state.mitigated) == ("aborted", 0.0)
