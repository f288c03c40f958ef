"""Ways back around and inside of blocks, what is said of a change that was made, and doing it once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.language.plan import (
    Approval,
    Call,
    Check,
    Child,
    Finding,
    ForEach,
    Plan,
    Poll,
    Require,
    Revert,
    Step,
)
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))
DBA = Approval(("dba",))
BACK = Call("ssh", {"hosts": ["web1"], "run": ["all", "back"]}, one=True)


def begin(*steps: Step, revision: int = 2, **fields: Any) -> Host:
    return Host(given(plan(*steps, **fields), revision=revision)).start()


def made(name: str, **fields: Any) -> Step:
    return change(name, approval=None, **{"on_failure": "stop", **fields})


def block(*steps: Step, **fields: Any) -> Step:
    return Step(id="b", title="Do all", steps=steps, **{"approval": IC, **fields})


def ran(host: Host) -> list[str]:
    return [
        " ".join(action.task.call.params["run"]) for action in host.executed if action.task.effect == "change"
    ]


# --- the whole of an approved block -----------------------------------------------------------------------


def test_a_step_that_fails_in_an_approved_block_offers_to_take_back_the_whole_block() -> None:
    host = begin(block(made("one"), made("two", on_failure="ask"))).decide("approve").succeed({}).fail("no")
    assert host.request.choices == ("retry", "skip", "undo", "abort")
    assert "`undo` takes back what all of `b` has changed so far (1)" in host.request.evidence
    host.decide("undo")
    assert (ran(host)[-1], host.timers) == ("unfix one", {})
    host.succeed({})
    assert host.outcome == "failed"
    assert host.state.reason == "no; all 1 changes were taken back"
    assert host.state.nodes["two"].phase == "failed"


def test_an_older_run_offers_what_it_offered() -> None:
    host = begin(block(made("one"), made("two", on_failure="ask")), revision=1)
    host.decide("approve").succeed({}).fail("no")
    assert host.request.choices == ("retry", "skip", "abort")


def test_the_other_rounds_are_stopped_before_the_block_is_taken_back() -> None:
    rounds = block(
        made("one"), made("two", on_failure="ask"), for_each=ForEach("n", ["a", "b"], (2,)), on_failure="ask"
    )
    host = begin(rounds).decide("approve").succeed({}).fail("no")  # a: one; b: one fails outright
    host.fail("no")  # a: two
    assert host.request.step == "b[0].two"
    host.decide("undo").succeed({})
    assert host.outcome == "failed"
    assert [effect.undone for effect in host.state.ledger] == [True]


def test_what_another_round_is_doing_is_stopped_and_told_before_it_is_taken_back() -> None:
    rounds = block(made("one", on_failure="ask"), made("two"), for_each=ForEach("n", ["a", "b"], (2,)))
    host = begin(rounds).decide("approve").succeed({})  # a: one
    host.fail("no").decide("undo")  # b: one fails; a: two is under way
    assert len(host.cancelled) == 1
    host.succeed({})
    assert ran(host)[-1] == "unfix two"
    host.succeed({}).succeed({})
    assert host.outcome == "failed"
    assert "all 2 changes were taken back" in host.state.reason


def test_a_failure_in_a_block_with_a_way_back_of_its_own_takes_that_way() -> None:
    host = begin(block(made("one"), made("two", on_failure="undo"), undo=BACK))
    host.decide("approve").succeed({}).fail("no")
    assert ran(host)[-1] == "all back"
    host.succeed({})
    assert (host.outcome, all(effect.undone for effect in host.state.ledger)) == ("failed", True)


def test_those_who_may_approve_are_asked_about_what_fails_inside() -> None:
    host = begin(block(made("one", on_failure="ask"), approval=DBA)).decide("approve").fail("no")
    assert host.request.roles == ("dba",)


# --- executed, and then ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        change(on_failure="ask", outputs={"id": "result.id"}),
        change(on_failure="ask", require=(Require("result.rc == 0", "it says no", after=True),)),
    ],
)
def test_a_change_that_was_made_and_gave_nothing_useful_is_not_called_failed(step: Step) -> None:
    host = begin(step).decide("approve").succeed({"rc": 1})
    assert "it was executed, and what it gave cannot be used" in host.request.question
    assert host.request.choices == ("done", "retry", "skip", "undo", "abort")
    assert any("`retry` executes it again" in line for line in host.request.evidence)
    assert host.decide("done").outcome == "succeeded"
    assert len(host.state.ledger) == 1


def test_a_change_that_was_made_is_executed_again_only_by_a_person_who_was_told_so() -> None:
    host = begin(change(on_failure="ask", outputs={"id": "result.id"})).decide("approve").succeed({})
    host.decide("retry").succeed({"id": 7})
    assert (host.outcome, ran(host)) == ("succeeded", ["fix fix", "fix fix"])


def test_a_second_attempt_that_fails_is_called_failed() -> None:
    host = begin(change(on_failure="ask", outputs={"id": "result.id"})).decide("approve").succeed({})
    host.decide("retry").fail("no")
    assert "it failed" in host.request.question


def test_rounds_that_were_made_are_taken_as_they_are() -> None:
    each = ForEach("n", [1, 2], (1,))
    host = begin(change(on_failure="ask", outputs={"id": "result.id"}, for_each=each)).decide("approve")
    host.succeed({})
    assert "it was executed" in host.request.question
    host.decide("done").succeed({"id": 2})
    assert (host.outcome, len(host.state.ledger)) == ("succeeded", 2)


# --- made again after it was taken back -------------------------------------------------------------------


def test_what_was_taken_back_is_rendered_afresh_and_asked_again_if_it_differs() -> None:
    use = replace(
        change("use", on_failure="ask"),
        call=Call("ssh", {"hosts": ["web1"], "run": ["use", "${{ steps.one.id }}"]}, one=True),
    )
    one = change("one", outputs={"id": "string(result.id)"})
    host = begin(Step(id="b", steps=(one, use, read("look")), on_failure="ask"))
    host.decide("approve").succeed({"id": 7}).decide("approve").succeed({}).fail("blind")
    assert (host.request.step, ran(host)) == ("b", ["fix one", "use 7"])
    inner = Step(id="i", steps=(one, use, read("look")), on_failure="undo")
    host = begin(Step(id="b", steps=(inner,), on_failure="ask"))
    host.decide("approve").succeed({"id": 7}).decide("approve").succeed({}).fail("blind")
    host.succeed({}).succeed({}).decide("retry")
    host.succeed({"id": 8})
    assert (host.request.step, host.request.changes[0].command) == ("use", "use 8")
    assert "it would not be what was approved" in host.told("asked_again")[0]
    host.decide("approve").succeed({}).succeed({})
    assert (host.outcome, ran(host)[-1]) == ("succeeded", "use 8")


def test_what_was_taken_back_and_would_be_the_same_is_not_asked_again() -> None:
    inner = Step(id="i", steps=(change("one"), read("look")), on_failure="undo")
    host = begin(Step(id="b", steps=(inner,), on_failure="ask"))
    host.decide("approve").succeed({}).fail("blind").succeed({}).decide("retry")
    assert ran(host) == ["fix one", "unfix one", "fix one"]


def test_a_loop_whose_items_are_others_after_it_was_taken_back_begins_afresh() -> None:
    call = Call("ssh", {"hosts": ["${{ h }}"], "run": ["fix", "${{ h }}"]}, one=True)
    loop = replace(change("fix", for_each=ForEach("h", "${{ steps.open.hosts }}", (1,))), call=call)
    opened = change("open", outputs={"hosts": "result.hosts"})
    inner = Step(id="i", steps=(opened, loop, read("seen")), on_failure="undo")
    host = begin(Step(id="b", steps=(inner,), on_failure="ask")).decide("approve")
    host.succeed({"hosts": ["a"]}).decide("approve").succeed({}).fail("blind").succeed({}).succeed({})
    assert host.request.step == "b"
    host.decide("retry").succeed({"hosts": ["c", "d"]})
    assert [each.target for each in host.request.changes] == ["c", "d"]
    host.decide("approve").succeed({}).succeed({}).succeed({})
    assert (host.outcome, ran(host)[-2:]) == ("succeeded", ["fix c", "fix d"])


# --- borrowed ---------------------------------------------------------------------------------------------


def test_a_put_back_that_fails_pages_the_commander() -> None:
    step = change(undo=BACK, revert=Revert("end_of_run"))
    host = begin(step).decide("approve").succeed({})
    pages = len(host.pages)
    host.fail("no route")
    assert host.pages[pages:] == ["incident_commander"]
    assert host.outcome == "failed"


def test_what_came_back_at_the_second_attempt_is_not_in_doubt_any_more() -> None:
    inner = Step(id="inner", steps=(made("one", revert=Revert("end_of_block")),))
    host = begin(block(inner, approval=IC, on_failure="ask")).decide("approve").succeed({}).lose("gone")
    assert host.request.kind == "in_doubt"
    host.decide("undo", reason="once more").succeed({})
    assert (host.outcome, host.state.nodes["inner"].doubted) == ("failed", False)


def test_what_came_back_for_sure_settles_nothing_about_what_else_is_unsure() -> None:
    borrowed = (made(name, revert=Revert("end_of_block")) for name in ("one", "two"))
    inner = Step(id="inner", steps=tuple(borrowed))
    host = begin(block(inner, approval=IC, on_failure="ask")).decide("approve").succeed({}).succeed({})
    host.lose("gone").lose("gone").decide("undo", reason="once more").succeed({})
    assert host.state.nodes["inner"].doubted
    assert host.fail("no").outcome == "in_doubt"


def test_what_a_person_puts_back_is_told_and_is_no_failure_of_the_run() -> None:
    by_hand = Call("manual", {"who": "dba", "do": "close it"})
    host = begin(change(undo=by_hand, revert=Revert("end_of_run"))).decide("approve").succeed({})
    assert (host.outcome, host.pages[-1]) == ("succeeded", "dba")


def test_who_puts_it_back_by_hand_is_told_once_when_the_run_is_aborted_later() -> None:
    by_hand = Call("manual", {"who": "dba", "do": "close it"})
    inner = Step(id="i", steps=(made("out", undo=by_hand, revert=Revert("end_of_block")),), approval=IC)
    host = begin(inner, read("then")).decide("approve").succeed({}).abort().fail("stopped")
    assert (host.outcome, host.pages.count("dba")) == ("aborted", 1)


# --- once more --------------------------------------------------------------------------------------------


TWO = Approval(("incident_commander",), quorum=2)


def approved(host: Host) -> Host:
    return host.decide("approve", by="alice").decide("approve", by="bob")


def test_one_person_does_not_repeat_what_two_have_approved() -> None:
    host = approved(begin(change(approval=TWO, on_failure="ask"))).fail("no").decide("retry")
    assert (host.request.kind, host.request.quorum, host.actions) == ("approval", 2, {})
    assert host.told("asked_again") == ["several people approved it, and one alone does not repeat it"]
    approved(host).succeed({})
    assert host.outcome == "succeeded"


def test_an_older_run_repeats_as_it_did() -> None:
    host = approved(begin(change(approval=TWO, on_failure="ask"), revision=1)).fail("no").decide("retry")
    assert host.actions


def test_what_two_have_approved_inside_of_a_block_is_put_to_them_again() -> None:
    host = begin(block(made("one", on_failure="ask"), made("two"), approval=TWO))
    approved(host).fail("no").decide("retry")
    assert (host.request.step, host.request.quorum) == ("one", 2)
    approved(host).succeed({}).succeed({})
    assert host.outcome == "succeeded"


def test_to_deny_that_it_is_done_again_settles_nothing_about_the_first_time() -> None:
    host = approved(begin(change(approval=TWO, on_failure="ask"))).lose("gone").decide("retry").decide("deny")
    assert host.outcome == "in_doubt"


def test_a_block_that_two_have_approved_is_asked_once_more_and_goes_on_where_it_failed() -> None:
    host = begin(block(made("one"), made("two"), approval=TWO, on_failure="ask"))
    approved(host).succeed({}).fail("no").decide("retry")
    assert (host.request.step, host.request.kind) == ("b", "approval")
    approved(host)
    assert ran(host) == ["fix one", "fix two", "fix two"]


def test_what_is_still_to_be_repeated_is_not_taken_as_done() -> None:
    host = begin(change(on_failure="ask", for_each=ForEach("n", [1, 2, 3], (1, 2)))).decide("approve")
    host.succeed({}).lose("gone").lose("gone").decide("retry")
    host.lose("gone").decide("done")
    assert [effect.step for effect in host.state.ledger] == ["fix[0]", "fix[1]"]
    assert [action.task.step for action in host.actions.values()] == ["fix[2]"]


def test_a_loop_that_two_have_approved_repeats_what_failed_and_nothing_else() -> None:
    host = begin(change(approval=TWO, on_failure="ask", for_each=ForEach("n", [1, 2], (2,))))
    approved(host).succeed({}).fail("no").decide("retry")
    approved(host)
    assert [action.task.step for action in host.actions.values()] == ["fix[1]"]


def test_to_look_again_whether_it_helped_needs_no_second_approval() -> None:
    seen = Check(Call("http", {"url": "http://x"}), Poll("result.rc == 0", within=30))
    host = approved(begin(change(approval=TWO, on_failure="ask", verify=seen))).succeed({}).fail("bad")
    host.decide("retry")
    assert [action.task.effect for action in host.actions.values()] == ["read"]


def test_a_read_that_fails_in_a_block_that_two_have_approved_is_read_again_at_once() -> None:
    host = begin(block(read("look"), made("one"), approval=TWO, on_failure="ask"))
    approved(host).fail("blind").decide("retry")
    assert [action.task.step for action in host.actions.values()] == ["look"]


# --- by hand ----------------------------------------------------------------------------------------------


HAND = Step(
    id="hand",
    title="Close it",
    effect="change",
    call=Call("manual", {"who": "dba", "do": "close it"}),
    done=Check(Call("http", {"url": "http://x"}), Poll("result.rc == 0", within=600)),
)


def test_nobody_is_called_for_work_that_is_there_already() -> None:
    host = begin(HAND)
    (look,) = host.actions.values()
    assert look.task.poll is not None
    assert look.task.poll.within == 0
    host.succeed({"rc": 0})
    assert (host.outcome, host.pages, host.state.ledger) == ("succeeded", [], ())


@pytest.mark.parametrize("end", ["fail", "lose"])
def test_who_is_needed_is_called_when_it_is_not_there_yet(end: str) -> None:
    host = begin(HAND)
    getattr(host, end)("not yet")
    assert host.pages == ["dba"]
    (watch,) = host.actions.values()
    assert watch.task.poll is not None
    assert watch.task.poll.within == 600
    host.succeed({"rc": 0})
    assert (host.outcome, len(host.state.ledger)) == ("succeeded", 1)


# --- refused rounds ---------------------------------------------------------------------------------------


def calling(most: int, **fields: Any) -> Host:
    ready = Require("inputs.n != 2", "2 is not ready")
    child = Plan(
        "c", "C", "rollback", "me", (read("a"),), inputs={"n": {"type": "integer"}}, require=(ready,)
    )
    loop = ForEach("n", [1, 2, 3], (1,), max_failures=most)
    step = Step(id="each", child=Child("c", {"n": "${{ n }}"}), for_each=loop, **fields)
    return begin(step, read("then"), children={"c": child})


def test_a_round_that_is_refused_ends_the_loop_unless_it_may_fail() -> None:
    host = calling(0).succeed({})
    assert (host.outcome, host.state.reason) == ("refused", "2 is not ready")
    host = calling(1).succeed({}).succeed({}).succeed({})
    assert host.outcome == "succeeded"
    assert [each["ok"] for each in host.state.values["each"]["results"]] == [True, False, True]


def test_a_step_that_is_refused_is_gone_on_from_where_its_failure_would_be() -> None:
    host = begin(read("a", require=(Require("false", "no"),), on_failure="continue"), read("then"))
    assert [action.task.step for action in host.actions.values()] == ["then"]


def test_what_a_step_found_is_told_once_though_it_is_done_again() -> None:
    finding = Finding("true", "suspect", "it is ${{ result.v }}")
    bound = Require("result.v > 1", "too few", after=True)
    host = begin(change(on_failure="ask", findings=(finding,), require=(bound,))).decide("approve")
    host.succeed({"v": 1}).decide("retry").succeed({"v": 1}).decide("retry").succeed({"v": 2})
    assert [found.text for found in host.state.found] == ["it is 2"]
    assert host.told("found") == ["suspect: it is 1", "suspect: it is 2"]
