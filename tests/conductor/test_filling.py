"""A run whose history nears its end begins nothing new, tells whoever commands, and can still take back."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor import describe
from stanch.conductor.events import HistoryFilled
from stanch.language.plan import ForEach
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

FULL = "its history holds 40,000 events, and Temporal ends a run at 51,200"


def filled(host: Host) -> Host:
    return host.feed(HistoryFilled(host.now, FULL))


def two_fixes() -> Host:
    return Host(given(plan(change("one"), change("two"), read("three")), revision=2)).start()


def test_what_is_under_way_ends_and_nothing_new_begins() -> None:
    host = two_fixes().decide("approve")
    filled(host).succeed()
    assert not host.actions
    assert not describe.open_requests(host.state)
    seen = describe.view(host.state, host.now)
    assert (seen.phase, seen.full, seen.parked) == ("paused", FULL, ("two",))
    assert [step.phase for step in seen.steps] == ["succeeded", "pending"]
    assert FULL in describe.details(host.state)
    assert f"stanch abort {host.state.run}" in describe.details(host.state)


def test_whoever_commands_is_told_once() -> None:
    host = two_fixes()
    before = len(host.paged)
    filled(filled(host))
    (page,) = host.paged[before:]
    assert page.to == "incident_commander"
    assert FULL in page.text
    assert host.told("problem") == [f"nothing new begins: {FULL}"]


def test_neither_a_resume_nor_an_approval_lets_anything_begin() -> None:
    host = filled(two_fixes()).decide("approve")
    assert not host.actions
    host.order("pause").order("resume")
    assert not host.actions


def test_what_was_changed_is_taken_back_all_the_same() -> None:
    host = filled(two_fixes().decide("approve")).succeed()
    host.order("undo")
    (undo,) = host.actions.values()
    assert undo.task.call.params["run"] == ["unfix", "one"]
    assert host.succeed().outcome == "aborted"


def test_it_can_be_aborted() -> None:
    host = filled(two_fixes()).abort()
    assert host.outcome == "aborted"


def test_rounds_that_are_left_do_not_begin() -> None:
    loop = replace(read("all"), for_each=ForEach("n", list(range(10)), (2,)))
    host = Host(given(plan(loop), revision=2)).start()
    filled(host).succeed().succeed()
    assert not host.actions
    assert host.finished is None
    assert host.abort().outcome == "aborted"
