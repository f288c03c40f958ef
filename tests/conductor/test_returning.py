"""What is borrowed for longer than the run lives comes back by a run of its own."""

from __future__ import annotations

import pytest

from stanch.contract import Followup, RunPolicy
from stanch.language.coverage import uncovered
from stanch.language.plan import Call, Check, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

LOOK = Call("http", {"url": "http://x/${{ inputs.service }}"})
DRAINED = Check(LOOK, Poll("result.json.n < steps.before.n", within=0, every=60))
DAY = 86400.0


def borrowed(revert: Revert, *first: Step) -> Host:
    """A run that has made its one change, borrowed until `revert`, and has ended."""
    held = plan(*first, change("borrow", approval=None, unattended="a test", revert=revert))
    host = Host(given(held)).start()
    host.succeed()
    assert host.finished is not None
    return host


def left(host: Host) -> tuple[Followup, ...]:
    assert host.finished is not None
    return host.finished.followups


def begun(followup: Followup, at: float = 1000.0) -> Host:
    assert uncovered(followup.given.plan) == ()
    host = Host(followup.given, "run/x/abc" + followup.suffix)
    return host.after(at - host.now).start()


def test_what_comes_back_after_days_waits_for_them_and_goes_the_way_back() -> None:
    (followup,) = left(borrowed(Revert("after", after="72h")))
    assert followup.suffix == "/return-1"
    assert borrowed(Revert("after", after="72h")).told("borrowed") == [
        "`fix borrow` web1 comes back after 72h: run run/rollback-release/abc/return-1"
    ]
    host = begun(followup)
    assert [timer.seconds for timer in host.timers.values()] == [3 * DAY]
    assert host.actions == {}
    host.fire()
    assert [each.task.call.params["run"] for each in host.actions.values()] == [["unfix", "borrow"]]
    host.succeed()
    assert host.state.outcome == "succeeded"


def test_it_is_seen_that_what_came_back_is_gone() -> None:
    so = Check(LOOK, Poll("result.json.service == inputs.service", within=60, every=1))
    lent = change("borrow", approval=None, unattended="x", done=so, revert=Revert("after", after="0s"))
    host = Host(given(plan(lent))).start().succeed()
    (followup,) = left(host)
    assert host.state.ledger[0].left_to == "run/rollback-release/abc/return-1"
    (back,) = begun(followup).actions.values()
    assert back.task.done is not None
    assert back.task.done.poll.until == "!(result.json.service == inputs.service)"
    assert back.task.done.call.params == {"url": "http://x/checkout"}
    assert (back.task.done.after_only, back.task.scope) == (True, {"inputs": {"service": "checkout"}})


@pytest.mark.parametrize("end", ["failed", "denied", "aborted"])
def test_it_comes_back_however_the_run_ended(end: str) -> None:
    alone = change("next", approval=None, unattended="x", on_failure="stop")
    after = change("next") if end == "denied" else alone
    held = plan(change("borrow", approval=None, unattended="x", revert=Revert("after", after="1h")), after)
    host = Host(given(held)).start()
    host.succeed()
    if end == "failed":
        host.fail("no")
    elif end == "denied":
        host.decide("deny", reason="no")
    else:
        host.abort()
        host.fail("stopped")
    assert host.state.outcome == end
    assert len(left(host)) == 1


def test_what_was_not_changed_or_was_taken_back_is_not_put_back() -> None:
    revert = Revert("after", after="1h")
    held = plan(change("borrow", approval=None, unattended="x", revert=revert, on_failure="undo"))
    host = Host(given(held)).start()
    host.succeed(already=True)
    assert left(host) == ()
    host = Host(given(held)).start()
    host.fail("it was not done")
    assert left(host) == ()


def test_a_condition_is_watched_with_the_values_that_the_run_knew() -> None:
    before = Step(id="before", outputs={"n": "10"})
    revert = Revert("when", when=DRAINED, not_before="1h", at_most="3h")
    (followup,) = left(borrowed(revert, before))
    host = begun(followup)
    assert [timer.seconds for timer in host.timers.values()] == [3600]
    host.fire()
    (watch,) = host.actions.values()
    assert watch.task.call.params == {"url": "http://x/checkout"}
    assert watch.task.poll == Poll("result.json.n < steps.before.n", within=7200, every=60)
    assert watch.task.scope == {"steps": {"before": {"n": 10}}}
    host.succeed({"json": {"n": 3}})
    assert [each.task.call.params["run"] for each in host.actions.values()] == [["unfix", "borrow"]]


def test_a_read_that_fails_early_does_not_bring_it_back_early() -> None:
    before = Step(id="before", outputs={"n": "10"})
    (followup,) = left(borrowed(Revert("when", when=DRAINED, at_most="3h"), before))
    host = begun(followup).after(600)
    host.fail("the server answers 500")
    assert host.actions == {}
    assert [timer.seconds for timer in host.timers.values()] == [3 * 3600 - 600]
    host.fire()
    assert [each.task.effect for each in host.actions.values()] == ["change"]


def test_a_condition_without_a_limit_asks_when_it_does_not_come() -> None:
    before = Step(id="before", outputs={"n": "10"})
    (followup,) = left(borrowed(Revert("when", when=DRAINED), before))
    host = begun(followup).after(30 * DAY)
    host.fail("did not hold")
    assert host.request.choices == ("retry", "skip", "abort")


def test_who_has_to_agree_is_asked_and_silence_leaves_it_away() -> None:
    (followup,) = left(borrowed(Revert("ask", roles=("technical_lead",))))
    host = begun(followup)
    assert host.request.roles == ("technical_lead",)
    assert host.request.until == host.now + 7 * DAY
    host.decide("deny", reason="leave it")
    assert host.state.outcome == "denied"
    assert host.executed == []


def test_a_way_back_that_fails_pages_the_commander() -> None:
    (followup,) = left(borrowed(Revert("after", after="0s")))
    host = begun(followup)
    host.fail("host is gone")
    assert host.request.kind == "failure"
    assert host.pages == ["incident_commander"]


def test_a_time_that_cannot_be_told_becomes_a_question() -> None:
    (followup,) = left(borrowed(Revert("after", after="${{ inputs.service }}")))
    assert begun(followup).request.roles == ("incident_commander",)


def test_a_run_of_an_older_revision_leaves_nothing_behind() -> None:
    held = plan(change("borrow", approval=None, unattended="x", revert=Revert("after", after="1h")))
    host = Host(given(held, revision=1)).start()
    host.succeed()
    assert left(host) == ()


def test_what_the_way_back_holds_is_data_whatever_it_looks_like() -> None:
    """A template of another tool in a value is no expression of the run that puts it back."""
    odd = "name: ${{ github.ref }} and ${{ inputs.service }}"
    undo = Call("ssh", {"hosts": ["web1"], "run": ["write", "${{ steps.before.text }}"]}, one=True)
    before = Step(id="before", outputs={"text": f'"{odd}"'})
    held = plan(
        before,
        change("borrow", approval=None, unattended="x", undo=undo, revert=Revert("after", after="1h")),
    )
    host = Host(given(held)).start()
    host.succeed()
    again = begun(left(host)[0])
    again.fire()
    assert [each.task.call.params["run"] for each in again.actions.values()] == [["write", odd]]


def test_what_may_be_back_already_is_not_put_back_unless_somebody_says_so() -> None:
    held = plan(
        change(
            "borrow", approval=None, unattended="x", revert=Revert("after", after="1h"), on_failure="undo"
        ),
        change("next", approval=None, unattended="x"),
    )
    host = Host(given(held)).start()
    host.succeed().order("undo")
    host.fail("stopped").lose("the connection broke")
    assert host.outcome == "in_doubt"
    again = begun(left(host)[0])
    again.fire()
    assert again.actions == {}
    assert again.request.roles == ("incident_commander",)
    assert "nobody knows whether an earlier attempt has" in again.request.question


def test_who_has_taken_the_command_over_has_it_in_the_run_that_puts_back() -> None:
    policy = RunPolicy(ladders={"incident_commander": LADDER}, roles={"incident_commander": ("alice",)})
    revert = Revert("after", after="0s")
    held = plan(change("borrow", approval=None, unattended="x", revert=revert), read("look"))
    host = Host(given(held, policy=policy)).start().succeed()
    host.order("handover", role="incident_commander", to="bob").succeed()
    later = begun(left(host)[0])
    later.fail("host is gone")
    assert later.request.holders == ("bob",)
