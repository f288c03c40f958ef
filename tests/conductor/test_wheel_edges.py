"""The wheel where two things meet: an end and an order, a limit and an undo, a block and its part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.language.plan import Approval, Call, Check, ForEach, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan

IC = Approval(("incident_commander",))
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


def test_a_round_that_fails_at_once_takes_back_the_block_though_others_were_about_to_begin() -> None:
    broken = replace(
        made("two", on_failure="undo"),
        call=Call("ssh", {"hosts": ["${{ n }}"], "run": ["x", "${{ 1 / n }}"]}),
    )
    each = Step(id="each", steps=(broken,), for_each=ForEach("n", [0, 1], (2,)), on_failure="stop")
    host = begin(block(made("one"), each, undo=BACK)).decide("approve").succeed({})
    assert ran(host)[-1] == "all back"


def test_a_limit_does_not_call_off_the_way_back_that_a_person_has_chosen() -> None:
    each = Step(
        id="each",
        steps=(made("two", on_failure="ask"),),
        for_each=ForEach("n", ["a", "b"], (2,)),
        on_failure="stop",
    )
    host = begin(block(made("one"), each, limit=60.0, on_failure="ask")).decide("approve").succeed({})
    host.fail("no").decide("undo")
    assert host.cancelled
    assert not [key for key in host.timers if key.endswith("/limit")]
    host.fail("stopped")
    assert ran(host)[-1] == "unfix one"


def test_an_undo_to_a_step_in_a_block_with_a_way_back_of_its_own_goes_that_way() -> None:
    host = begin(block(made("one"), made("two"), undo=BACK), change("last"))
    host.decide("approve").succeed({}).succeed({})
    host.order("undo", step="two")
    assert ran(host)[-1] == "all back"
    host.succeed({})
    assert host.state.reason.endswith("all 2 changes were taken back")


def test_so_does_one_to_a_step_that_is_under_way() -> None:
    host = begin(block(made("one"), made("two"), undo=BACK)).decide("approve").succeed({})
    host.order("undo", step="two").succeed({})
    assert ran(host)[-1] == "all back"


def test_an_undo_is_called_off_by_an_abort_while_what_is_under_way_is_being_stopped() -> None:
    host = begin(change("one"), change("two")).decide("approve").succeed({}).decide("approve")
    host.order("undo")
    host.abort().fail("stopped")
    assert (host.outcome, ran(host)[-1]) == ("aborted", "fix two")


@pytest.mark.parametrize("how", ["abort", "undo"])
def test_a_hold_reaches_a_run_that_is_being_ended_before_its_next_change(how: str) -> None:
    lent = change("one", revert=Revert("end_of_run"))
    host = begin(lent, change("two")).decide("approve").succeed({}).decide("approve")
    host.abort() if how == "abort" else host.order("undo")
    host.order("hold", incident="inc-1").fail("stopped")
    assert ran(host) == ["fix one", "fix two"]


def test_an_undo_of_an_older_run_takes_back_too() -> None:
    host = begin(change("one"), change("two"), revision=1).decide("approve").succeed({})
    host.order("undo").succeed({})
    assert ran(host)[-1] == "unfix one"


def test_what_was_found_in_place_while_the_run_was_stopped_is_no_change_of_the_run() -> None:
    """Work by hand is looked for before anybody is called; nobody has done it for this run."""
    seen = Check(Call("http", {"url": "http://x"}), Poll("result.ok", within=60, every=5))
    hand = Call("manual", {"who": "dba", "do": "switch it off"})
    host = begin(Step(id="hand", effect="change", call=hand, done=seen, unattended="a test"))
    host.abort().succeed({"ok": True})
    assert (host.outcome, host.state.ledger) == ("aborted", ())


@pytest.mark.parametrize(("stop", "go_on"), [("pause", "resume"), ("hold", "release")])
def test_what_is_ordered_before_the_run_has_begun_holds_when_it_begins(stop: Any, go_on: Any) -> None:
    host = Host(given(plan(change("one", approval=None, unattended="a test"))))
    host.order(stop).start()
    assert (ran(host), len(host.state.parked)) == ([], 1)
    host.order(go_on)
    assert ran(host) == ["fix one"]


def test_what_nobody_knows_stays_in_doubt_when_what_is_around_it_is_being_taken_back() -> None:
    host = begin(block(made("one"), made("two", on_failure="ask"))).decide("approve").succeed({})
    host.lose("gone").decide("undo").abort().fail("stopped")
    assert (host.outcome, host.state.reason) == (
        "in_doubt",
        "aborted by alice: wrong runbook; in doubt: two",
    )
