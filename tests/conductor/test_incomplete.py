"""A change that failed and was executed all the same, on some targets or in vain, is in the ledger."""

from __future__ import annotations

from typing import Any

from stanch.conductor.back.afterwards import take_back
from stanch.conductor.describe import view
from stanch.conductor.events import ActionFailed
from stanch.contract import Effected
from stanch.language.plan import Approval, Call, Check, ForEach, Poll, Revert, Step
from tests.conductor.test_afterwards import ended
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

SO = Check(Call("http", {"url": "http://x"}), Poll("result.ok", within=10))
WHY = "1 of 2 hosts: `web2` ended with status 1"


def free(name: str = "fix", **fields: Any) -> Step:
    return change(name, **{"approval": None, "unattended": "a test", "on_failure": "ask", **fields})


def begin(*steps: Step, revision: int = 2) -> Host:
    return Host(given(plan(*steps), revision=revision)).start()


def half(*steps: Step) -> Host:
    """A run whose first change was made on one host of two."""
    return begin(*steps).fail(WHY, ran=True)


def ran(host: Host) -> list[str]:
    return [
        " ".join(action.task.call.params["run"]) for action in host.executed if action.task.effect == "change"
    ]


def ledger(host: Host) -> list[tuple[str, bool, str]]:
    return [(effect.step, effect.undone, effect.incomplete) for effect in host.state.ledger]


def test_what_was_executed_in_part_is_in_the_ledger_and_can_be_taken_back() -> None:
    host = half(free())
    assert ledger(host) == [("fix", False, WHY)]
    assert host.request.choices == ("retry", "skip", "undo", "abort")
    assert any(line.startswith("not complete") and "`fix fix`" in line for line in host.request.evidence)
    host.decide("undo").succeed({})
    assert (host.outcome, ran(host)) == ("failed", ["fix fix", "unfix fix"])
    assert host.state.reason == f"{WHY}; all 1 changes were taken back"


def test_what_failed_and_was_not_executed_is_not_in_the_ledger() -> None:
    host = begin(free()).fail("exit status 1")
    assert (ledger(host), "undo" in host.request.choices) == ([], False)


def test_a_step_that_undoes_by_itself_undoes_the_half_that_was_made() -> None:
    host = half(free(on_failure="undo")).succeed({})
    assert (ran(host), ledger(host)) == (["fix fix", "unfix fix"], [("fix", True, WHY)])


def test_an_order_to_undo_takes_it_back_with_all_before_it() -> None:
    host = begin(free("one"), free("two"), read("then")).succeed({}).fail(WHY, ran=True)
    host.decide("skip").order("undo").fail("stopped").succeed({}).succeed({})
    assert ran(host)[2:] == ["unfix two", "unfix one"]
    assert "all 2 changes were taken back" in host.state.reason


def test_what_an_abort_stops_half_way_is_in_the_ledger() -> None:
    host = begin(free()).abort().fail(WHY, ran=True)
    assert (host.outcome, ledger(host)) == ("aborted", [("fix", False, WHY)])


def test_an_undo_that_stops_it_half_way_takes_the_half_back() -> None:
    host = begin(free()).order("undo").fail(WHY, ran=True).succeed({})
    assert (ran(host), ledger(host)) == (["fix fix", "unfix fix"], [("fix", True, WHY)])


def test_a_retry_completes_the_line_and_makes_no_second_one() -> None:
    host = half(free(), read("then")).decide("retry").succeed({})
    assert ledger(host) == [("fix", False, "")]
    host.order("undo").fail("stopped").succeed({})
    assert ran(host) == ["fix fix", "fix fix", "unfix fix"]


def test_a_retry_that_finds_it_in_place_knows_that_this_run_has_made_it() -> None:
    host = half(free(done=SO), read("then")).decide("retry")
    (action,) = host.actions.values()
    assert action.task.done is not None
    assert not action.task.done.after_only
    host.succeed({}, already=True)
    assert ledger(host) == [("fix", False, "")]
    note = "already in place: an earlier attempt made it; nothing was executed now"
    assert host.state.nodes["fix"].note == note


def test_after_it_was_taken_back_a_retry_makes_a_new_line() -> None:
    block = Step(id="b", steps=(free(on_failure="undo"),), on_failure="ask")
    host = half(block, read("then")).succeed({}).decide("retry").succeed({})
    assert ledger(host) == [("fix", True, WHY), ("fix", False, "")]


def test_each_round_of_a_loop_has_its_own_line() -> None:
    host = begin(free(for_each=ForEach("h", ["a", "b"], (1,))), read("then"))
    host.succeed({}).fail(WHY, ran=True).decide("undo").succeed({}).succeed({})
    assert ledger(host) == [("fix[0]", True, ""), ("fix[1]", True, WHY)]


def test_a_block_with_its_own_way_back_goes_it_for_half_a_change_too() -> None:
    undo = Call("ssh", {"hosts": ["web1"], "run": ["all", "back"]}, one=True)
    block = Step(id="b", steps=(free(on_failure="undo"),), undo=undo)
    host = half(block).succeed({})
    assert (ran(host)[-1], ledger(host)) == ("all back", [("b", True, ""), ("fix", True, WHY)])


def test_what_was_borrowed_comes_back_though_only_a_part_of_it_was_made() -> None:
    block = Step(id="b", steps=(free(revert=Revert("end_of_block"), on_failure="stop"),))
    host = half(block).succeed({})
    assert (ran(host)[-1], host.outcome) == ("unfix fix", "failed")


def test_half_of_what_has_no_way_back_is_a_barrier() -> None:
    drop = free("drop", undo=None, irreversible="the column is gone")
    host = begin(free("one"), drop).succeed({}).fail(WHY, ran=True)
    assert host.refusal("undo").startswith("there is no way back before `drop`: the column is gone")


def test_the_way_back_that_an_action_has_told_is_that_of_the_first_attempt() -> None:
    def back(on: int) -> Call:
        return Call("flag", {"name": "x", "percentage": on}, knows=True)

    step = Step(id="fix", effect="change", call=back(100), unattended="a test", on_failure="ask")
    host = begin(step).fail(WHY, ran=True, undo=back(3)).decide("retry").fail(WHY, ran=True, undo=back(50))
    assert [effect.undo for effect in host.state.ledger] == [back(3)]


def test_after_the_run_has_ended_it_is_taken_back_and_the_question_says_what_it_was() -> None:
    held = plan(free())
    host = Host(given(held)).start().fail(WHY, ran=True).decide("abort")
    what = take_back(ended(host, held), "", "x")
    assert what.changes == 1
    title = what.plan.steps[0].steps[0].title
    assert title == f"Take back: fix fix web1 (not complete: {WHY})"


def test_a_read_or_a_run_of_an_earlier_revision_enters_nothing() -> None:
    assert ledger(begin(read("look")).fail("no", ran=True)) == []
    assert ledger(begin(free(), revision=1).fail("no", ran=True)) == []


def test_one_that_was_in_doubt_before_has_one_line_whatever_becomes_of_it() -> None:
    host = begin(free(approval=Approval(("incident_commander",)), unattended=None)).decide("approve")
    host.lose("gone").decide("retry").fail(WHY, ran=True).decide("undo").succeed({})
    assert ledger(host) == [("fix", True, WHY)]
    assert ran(host) == ["fix fix", "fix fix", "unfix fix"]


def test_a_line_that_is_not_complete_says_so_wherever_it_is_seen() -> None:
    host = half(free())
    assert [each.incomplete for each in view(host.state, host.now).ledger] == [WHY]
    long = begin(free()).feed(ActionFailed(1000.0, "fix#1", "x" * 5000, ran=True))
    (line,) = long.state.ledger
    assert isinstance(line, Effected)
    assert len(line.incomplete) == 300


def test_what_nobody_knows_and_somebody_wanted_back_is_said_to_be_that_after_the_end() -> None:
    held = plan(free())
    host = Host(given(held)).start().lose("gone").order("hold").decide("undo").abort()
    title = take_back(ended(host, held), "", "x").plan.steps[0].steps[0].title
    assert title == "Take back: fix fix web1 (nobody knows whether it was made)"
