"""The way back is gone and seen to be gone: what its check says, and what an action knows of it by itself."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.conductor.events import ActionLost, ActionSucceeded
from stanch.contract import ActionTask, TargetEnd
from stanch.language.plan import Approval, Call, Check, ForEach, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

SO = Check(
    Call("ssh", {"hosts": ["web1"], "run": ["is", "${{ inputs.service }}"]}, one=True),
    Poll("result.stdout == inputs.service", within=60, every=1, worse="result.rc > 9"),
)
IC = Approval(("incident_commander",))
KNOWN = Call("flag", {"name": "banner", "set": True}, knows=True)
BACK = Call("flag", {"name": "banner", "set": False}, knows=True)


def made(name: str = "fix", **fields: Any) -> Step:
    return change(name, **{"approval": None, "unattended": "a test", "on_failure": "undo", **fields})


def flag(name: str = "switch") -> Step:
    return Step(id=name, effect="change", call=KNOWN, unattended="a test", on_failure="undo")


def begin(*steps: Step, revision: int = 2) -> Host:
    return Host(given(plan(*steps), revision=revision)).start()


def going_back(*steps: Step, revision: int = 2) -> Host:
    """A run whose steps are done, and that takes them back."""
    host = begin(*steps, read("then"), revision=revision)
    for _ in steps:
        host.succeed({"stdout": "ok"})
    return host.order("undo").fail("stopped")


def task(host: Host) -> ActionTask:
    (action,) = host.actions.values()
    return action.task


def test_after_it_went_back_it_waits_until_the_change_is_seen_to_be_gone() -> None:
    undo = task(going_back(made(done=SO)))
    assert undo.call.params["run"] == ["unfix", "fix"]
    assert undo.done is not None
    assert undo.done.call.params["run"] == ["is", "checkout"]
    assert undo.done.poll == Poll("!(result.stdout == inputs.service)", within=60, every=1)
    assert undo.done.after_only
    assert undo.scope == {"inputs": {"service": "checkout"}}


def test_the_ledger_says_what_was_seen_to_be_gone_and_what_was_not_looked_at() -> None:
    host = going_back(made("one"), made("two", done=SO)).succeed({}).succeed({})
    assert [(each.undone, each.verified) for each in host.state.ledger] == [(True, False), (True, True)]


def test_what_is_still_there_after_it_went_back_was_not_taken_back() -> None:
    host = going_back(made(done=SO)).fail("`ssh` was executed and ended well, but it is still there")
    assert not host.state.ledger[0].undone
    assert "0 of 1 changes were taken back" in host.state.reason
    assert "it is still there" in host.told("problem")[0]


def test_a_way_back_that_nobody_knows_the_end_of_is_settled_by_its_check() -> None:
    host = going_back(made("one", done=SO), made("two")).succeed({}).lose("its worker went silent")
    check = task(host)
    assert (check.effect, check.call.params["run"]) == ("read", ["is", "checkout"])
    assert check.poll is not None
    assert check.poll.until == "!(result.stdout == inputs.service)"
    host.succeed({})
    assert (host.outcome, host.told("in_doubt")) == ("aborted", ["its worker went silent"])
    assert [(each.undone, each.unsure) for each in host.state.ledger] == [(True, False), (True, False)]


def test_one_of_several_hosts_that_is_back_does_not_tell_that_all_are() -> None:
    """`done` holds for all of them, so it stops holding as soon as one is back."""
    undo = Call("ssh", {"hosts": ["web1", "web2"], "run": ["unfix"]})
    host = going_back(made("one", done=SO, undo=undo)).lose("its worker went silent")
    assert not host.actions
    assert host.outcome == "in_doubt"
    assert [(each.undone, each.unsure) for each in host.state.ledger] == [(False, True)]


@pytest.mark.parametrize("end", ["fail", "lose"])
def test_what_its_check_does_not_settle_stays_unknown_and_is_not_done_again(end: str) -> None:
    host = going_back(made("one", done=SO), made("two")).succeed({}).lose("its worker went silent")
    getattr(host, end)("did not hold")
    assert host.outcome == "in_doubt"
    assert [(each.undone, each.unsure) for each in host.state.ledger] == [(False, True), (True, False)]
    text = host.told("problem")[-1]
    assert "its worker went silent; its check does not settle it: did not hold" in text
    assert [each.task.call.params.get("run") for each in host.executed].count(["unfix", "one"]) == 1


def test_an_abort_while_its_check_is_asked_leaves_it_unknown() -> None:
    host = going_back(made(done=SO)).lose("gone").abort()
    (key,) = host.actions
    assert key in host.cancelled
    host.fail("cancelled")
    assert (host.outcome, host.state.ledger[0].unsure) == ("in_doubt", True)


def test_what_may_be_back_already_is_looked_at_before_it_is_tried_again() -> None:
    host = begin(made("one", done=SO, revert=Revert("end_of_block")), read("then")).succeed({}).succeed({})
    host.lose("gone").fail("it did not hold")
    assert host.outcome == "in_doubt"
    inner = Step(id="in", steps=(made("one", done=SO, revert=Revert("end_of_block")),), on_failure="continue")
    host = begin(inner, read("then")).succeed({}).lose("gone").fail("no").order("undo").fail("stopped")
    undo = task(host)
    assert undo.done is not None
    assert not undo.done.after_only
    host.succeed({}, already=True)
    assert host.told("undone")[-1].endswith("it was back already, and nothing was executed")


def test_a_way_back_whose_worker_dies_is_found_by_the_next_where_its_target_knows_it() -> None:
    (action,) = going_back(made()).actions.values()
    assert action.tries == 3
    other = made(undo=Call("http", {"url": "http://x", "method": "POST"}))
    (action,) = going_back(other).actions.values()
    assert action.tries == 1


def test_going_back_stops_at_what_has_no_way_back_and_the_commander_is_told_why() -> None:
    drop = made("drop", undo=None, irreversible="the column is gone", on_failure="stop")
    inner = (made("one", on_failure="stop"), drop, made("two", on_failure="stop"), read("look"))
    host = begin(Step(id="b", steps=inner, on_failure="undo")).succeed({}).succeed({}).succeed({})
    host.fail("it is worse").succeed({})
    told = "1 of 3 changes were taken back; no way back before `drop`: the column is gone"
    assert (host.outcome, told in host.state.reason) == ("failed", True)
    assert [each.undone for each in host.state.ledger] == [False, False, True]
    assert [(page.to, told in page.text) for page in host.paged] == [("incident_commander", True)]


def test_an_older_run_goes_back_as_it_did() -> None:
    host = going_back(made(done=SO), revision=1)
    (action,) = host.actions.values()
    assert (action.task.done, action.tries, action.deadline) == (None, 1, 65.0)
    assert host.lose("gone").outcome == "in_doubt"


# --- what an action knows by itself -----------------------------------------------------------------------


def told(host: Host, undo: Call | None = BACK, *, already: bool = False) -> Host:
    key = next(iter(host.actions))
    del host.actions[key]
    return host.feed(ActionSucceeded(host.now, key, {"was": False}, already, undo=undo))


def lost(host: Host, undo: Call | None = BACK) -> Host:
    key = next(iter(host.actions))
    del host.actions[key]
    return host.feed(ActionLost(host.now, key, "its worker went silent", undo=undo))


def test_what_an_action_tells_of_its_way_back_is_in_the_ledger_and_goes_back() -> None:
    host = told(begin(flag(), read("then")))
    assert [each.undo for each in host.state.ledger] == [BACK]
    host.order("undo").fail("stopped")
    assert (task(host).call, task(host).effect) == (BACK, "change")
    host.succeed({})
    assert (host.outcome, host.state.ledger[0].verified) == ("aborted", True)


def test_whoever_approves_reads_that_the_action_looks_and_goes_back_by_itself() -> None:
    asked = Step(id="switch", effect="change", call=KNOWN, approval=Approval(("incident_commander",)))
    (shown,) = begin(asked).request.changes
    assert (shown.done, shown.undo) == ("`flag` looks by itself", "`flag` brings back what was there before")


def test_what_it_finds_in_place_is_not_in_the_ledger() -> None:
    host = told(begin(flag()), None, already=True)
    assert (host.outcome, host.state.ledger) == ("succeeded", ())


def test_the_way_back_of_the_author_comes_before_that_of_the_action() -> None:
    own = Call("ssh", {"hosts": ["web1"], "run": ["own"]}, one=True)
    step = Step(id="switch", effect="change", call=KNOWN, unattended="a test", undo=own)
    assert [each.undo for each in told(begin(step)).state.ledger] == [own]


def test_the_action_is_asked_whether_a_change_that_was_lost_is_in_place() -> None:
    host = lost(begin(flag()))
    look = task(host)
    assert (look.effect, look.look, look.call) == ("read", True, KNOWN)
    host.succeed({"was": True})
    assert (host.outcome, [each.undo for each in host.state.ledger]) == ("succeeded", [BACK])


def test_what_was_there_before_a_lost_attempt_is_what_comes_back() -> None:
    """The second attempt finds what the first one has left, and that is not where the way back leads."""
    half = Call("flag", {"name": "banner", "set": True}, knows=True)
    step = Step(id="switch", effect="change", call=KNOWN, unattended="a test", on_failure="ask")
    host = lost(begin(step)).fail("it is not in place").decide("retry")
    told(host, half)
    assert [each.undo for each in host.state.ledger] == [BACK]


def test_what_a_person_takes_as_done_goes_back_to_what_was_there() -> None:
    step = Step(id="switch", effect="change", call=KNOWN, unattended="a test", on_failure="ask")
    host = lost(begin(step)).fail("it is not in place").decide("done")
    assert [each.undo for each in host.state.ledger] == [BACK]


def test_a_way_back_that_was_lost_is_asked_of_the_action_too() -> None:
    host = told(begin(flag(), read("then"))).order("undo").fail("stopped").lose("gone")
    assert (task(host).look, task(host).call) == (True, BACK)
    host.succeed({})
    assert host.state.ledger[0].undone


def test_the_way_back_of_a_change_that_ended_after_the_run_was_stopped_is_kept() -> None:
    host = begin(flag()).abort()
    told(host)
    assert [each.undo for each in host.state.ledger] == [BACK]


# --- a change that is under way when it is ordered --------------------------------------------------------


def interrupted(host: Host, **fields: Any) -> Host:
    """An order to undo stops the second change, and nobody hears how that ended."""
    return host.order("undo").lose("it was cancelled while it was acting", **fields)


def ledger(host: Host) -> list[tuple[str, bool]]:
    return [(effect.step, effect.undone) for effect in host.state.ledger]


def test_what_may_have_been_made_goes_back_first_where_its_way_back_looks_before_it_acts() -> None:
    host = interrupted(begin(made("one"), flag()).succeed({}), undo=BACK)
    assert (task(host).call, task(host).effect) == (BACK, "change")
    assert [effect.doubtful for effect in host.state.ledger] == [False, True]
    told(host, None, already=True)
    assert task(host).call.params["run"] == ["unfix", "one"]
    host.succeed({})
    assert (host.outcome, ledger(host)) == ("aborted", [("one", True), ("switch", True)])
    assert host.state.reason.endswith("all 2 changes were taken back")
    assert host.told("in_doubt") == ["it was cancelled while it was acting"]


def test_where_it_cannot_be_brought_back_either_the_run_ends_in_doubt() -> None:
    host = interrupted(begin(made("one"), flag()).succeed({}), undo=BACK).fail("no").succeed({})
    assert (host.outcome, ledger(host)) == ("in_doubt", [("one", True), ("switch", False)])
    assert host.state.reason.endswith("1 of 2 changes were taken back; in doubt: switch")


def test_what_was_asked_about_its_own_end_goes_back_too() -> None:
    """The action was lost before the order, and is being asked whether its change is in place."""
    host = lost(begin(made("one"), flag()).succeed({})).order("undo").fail("stopped")
    assert task(host).call == BACK
    assert host.succeed({}).succeed({}).outcome == "aborted"


def test_what_a_person_was_asked_about_goes_back_too() -> None:
    step = Step(id="switch", effect="change", call=KNOWN, unattended="a test", on_failure="ask")
    host = lost(begin(made("one"), step).succeed({})).fail("it is not in place")
    assert host.request.kind == "in_doubt"
    host.order("undo")
    assert task(host).call == BACK
    assert host.succeed({}).succeed({}).outcome == "aborted"


def test_a_way_back_that_would_be_another_change_is_left_to_a_person() -> None:
    host = interrupted(begin(made("one"), made("two")).succeed({}))
    assert task(host).call.params["run"] == ["unfix", "one"]
    host.succeed({})
    assert (host.outcome, ledger(host)) == ("in_doubt", [("one", True), ("two", False)])
    left = "`two` stays: nobody knows whether it was made; its way back: `unfix two` web1"
    assert left in host.told("problem")


def test_what_may_still_be_running_is_not_taken_back() -> None:
    ends = (TargetEnd("web1", "running"),)
    host = interrupted(begin(made("one"), flag()).succeed({}), undo=BACK, ends=ends).succeed({})
    assert (host.outcome, ledger(host)) == ("in_doubt", [("one", True), ("switch", False)])
    assert any(text.startswith("`switch` stays") for text in host.told("problem"))


def test_an_abort_takes_nothing_back_that_nobody_knows() -> None:
    host = begin(flag()).abort().lose("cancelled", undo=BACK)
    assert (host.outcome, host.actions, ledger(host)) == ("in_doubt", {}, [("switch", False)])


def test_what_is_stopped_in_another_round_goes_back_with_the_block() -> None:
    inner = (made("one", on_failure="ask"), Step(id="switch", effect="change", call=KNOWN, on_failure="stop"))
    rounds = Step(id="b", steps=inner, approval=IC, for_each=ForEach("n", ["a", "b"], (2,)), on_failure="ask")
    host = begin(rounds).decide("approve").succeed({}).fail("no").decide("undo")
    host.lose("cancelled", undo=BACK)
    assert task(host).call == BACK
    host.succeed({}).succeed({})
    assert all(undone for _, undone in ledger(host))
    assert host.outcome == "failed"


def test_an_older_run_leaves_in_doubt_what_it_left_so() -> None:
    host = interrupted(begin(made("one"), flag(), revision=1).succeed({}), undo=BACK).succeed({})
    assert (host.outcome, ledger(host)) == ("in_doubt", [("one", True)])


def test_an_older_run_does_not_forget_what_was_executed_when_it_was_stopped() -> None:
    host = begin(made("one"), flag(), revision=1).succeed({}).order("undo").fail("cancelled", ran=True)
    host.succeed({})
    assert (host.outcome, ledger(host)) == ("in_doubt", [("one", True)])
