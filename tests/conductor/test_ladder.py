"""Whom an unanswered request climbs to, and when: rungs, reminders, hours, acknowledgement, severity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.conductor.requests import requesting
from stanch.conductor.requests.ladder import allowed
from stanch.conductor.turn import Turn
from stanch.contract import Ladder, Rung, RunPolicy, Severity, Shift
from stanch.language.plan import Approval, Silence
from tests.support.host import Host
from tests.support.plans import change, given, plan

IC, LEAD = "incident_commander", "technical_lead"
START = 1000.0
THREE = Ladder((Rung(0.0, IC), Rung(300.0, LEAD), Rung(600.0, "primary")), 1800.0, patience=600.0)
POLICY = RunPolicy(
    roles={IC: ("alice",), LEAD: ("bob",)},
    schedules={"primary": (Shift("dave", end=1500.0), Shift("erin", 1500.0))},
    named=True,
)


def asking(ladder: Ladder = THREE, policy: RunPolicy = POLICY, **approval: Any) -> Host:
    step = change(approval=Approval((IC,), **approval))
    policy = replace(policy, ladders={IC: ladder})
    return Host(given(plan(step), policy=policy, revision=2)).start()


def played(host: Host) -> list[tuple[float, str]]:
    """Let nobody answer; returns who was paged when, in seconds since the start."""
    paged = [(0.0, task.people[0]) for task in host.paged]
    while host.finished is None:
        assert len(host.timers) == 1, "one timer for what comes next"
        before = len(host.paged)
        host.fire()
        paged += [(host.now - START, task.people[0]) for task in host.paged[before:]]
    return paged


def with_turn(host: Host, act: Any) -> Host:
    """Do what an order of another module does, as one turn of the run."""
    turn = Turn(host.conductor.book, host.state, host.now)
    act(turn)
    host.state = turn.result()
    host.take(turn.commands)
    return host


def severity(host: Host, to: Severity) -> Host:
    def change_it(turn: Turn) -> None:
        turn.given = replace(turn.given, severity=to)
        requesting.rerank(turn)

    return with_turn(host, change_it)


def test_every_rung_is_paged_at_its_time_and_means_whoever_it_is_then() -> None:
    host = asking()
    assert played(host) == [(0.0, "alice"), (300.0, "bob"), (600.0, "erin")]
    assert (host.outcome, host.now - START) == ("denied", 1800.0)
    (closed,) = host.state.requests.values()
    assert closed.request.asked == (f"{IC} (alice)", f"{LEAD} (bob)", "primary (erin)")


def test_the_same_are_reminded_until_the_next_rung() -> None:
    ladder = replace(THREE, rungs=(Rung(0.0, IC, remind=120.0), Rung(300.0, LEAD, remind=700.0)))
    host = asking(ladder)
    paged = played(host)
    assert paged == [(0, "alice"), (120, "alice"), (240, "alice"), (300, "bob"), (1000, "bob"), (1700, "bob")]
    assert f"paged {IC} (alice) again" in host.told("paged")


@pytest.mark.parametrize(
    ("hours", "at", "when"),
    [
        ("", 50.0, 50.0),
        ("in", 50.0, 100.0),
        ("in", 100.0, 100.0),
        ("in", 199.9, 199.9),
        ("in", 200.0, 300.0),
        ("in", 400.0, float("inf")),
        ("out", 50.0, 50.0),
        ("out", 150.0, 200.0),
        ("out", 350.0, 450.0),
        ("out", 500.0, 500.0),
    ],
)
def test_a_rung_waits_for_its_hours(hours: Any, at: float, when: float) -> None:
    policy = RunPolicy(hours=((100.0, 200.0), (300.0, 400.0), (400.0, 450.0)))
    open_ended = replace(policy, hours=policy.hours[:2]) if hours == "in" else policy
    assert allowed(open_ended, Rung(0.0, IC, hours=hours), at) == when


def test_out_of_hours_others_are_paged_first() -> None:
    ladder = Ladder((Rung(0.0, LEAD, hours="in"), Rung(0.0, IC, hours="out"), Rung(900.0, "primary")), 3600.0)
    host = asking(ladder, replace(POLICY, hours=((START + 1200.0, START + 5000.0),)))
    assert played(host) == [(0.0, "alice"), (900.0, "erin"), (1200.0, "bob")]


def test_a_reminder_waits_for_the_hours_of_its_rung() -> None:
    ladder = Ladder((Rung(0.0, LEAD, remind=300.0, hours="in"),), 1800.0)
    host = asking(ladder, replace(POLICY, hours=((START, START + 400.0), (START + 1000.0, START + 1100.0))))
    assert played(host) == [(0.0, "bob"), (300.0, "bob"), (1000.0, "bob")]


def test_an_acknowledged_request_is_quiet_and_then_climbs_on_where_it_was() -> None:
    host = asking().after(100.0).order("acknowledge", "alice", reason="")
    assert host.request.acknowledged == "alice"
    assert "it climbs on at" in host.told("acknowledged")[0]
    assert played(host) == [(0.0, "alice"), (700.0, "bob"), (1000.0, "erin")]
    assert host.told("climbing") == ["alice has not decided; it climbs on"]
    assert host.now - START == 2200.0, "the end too comes as much later as the ladder stood still"


def test_an_acknowledgement_that_is_over_before_the_next_rung_moves_nothing() -> None:
    host = asking(replace(THREE, patience=60.0)).after(100.0).order("acknowledge", "alice")
    (timer,) = host.timers.values()
    assert timer.seconds == 60.0
    host.fire()
    assert host.request.acknowledged == ""
    assert played(host) == [(0.0, "alice"), (300.0, "bob"), (600.0, "erin")]
    assert host.now - START == 1800.0


def test_who_acknowledges_may_decide_and_nothing_is_left_waiting() -> None:
    host = asking().order("acknowledge", "alice").decide("approve", "alice")
    assert host.actions
    assert not host.timers


def test_a_second_acknowledgement_gives_another_such_time() -> None:
    host = asking().after(100.0).order("acknowledge", "alice").after(500.0).order("acknowledge", "bob")
    assert played(host)[1:] == [(1200.0, "bob"), (1500.0, "erin")]


@pytest.mark.parametrize(
    ("which", "why"),
    [("", ""), ("fix", ""), ("fax", "there is no open request `fax`; open: `fix`")],
)
def test_what_is_acknowledged_is_open(which: str, why: str) -> None:
    assert asking().refusal("acknowledge", "alice", reason="", request=which) == why


def test_with_nothing_open_there_is_nothing_to_acknowledge() -> None:
    host = asking().decide("approve", "alice")
    assert "nothing is asked now" in host.refusal("acknowledge", "alice")


STEEP = Ladder((Rung(0.0, IC), Rung(60.0, LEAD), Rung(120.0, "primary")), 600.0, "abort")
BY_SEVERITY = replace(POLICY, by_severity={"SEV1": {IC: STEEP}})


def test_a_higher_severity_pages_at_once_whose_time_has_come() -> None:
    host = severity(asking(policy=BY_SEVERITY).after(90.0), "SEV1")
    assert [task.people for task in host.paged] == [("alice",), ("bob",)], "alice was paged already"
    assert host.request.until == START + 600.0
    assert played(host)[2:] == [(120.0, "dave")]
    assert (host.outcome, host.now - START) == ("aborted", 600.0)


def test_who_is_only_paged_by_the_new_ladder_still_has_its_time() -> None:
    host = severity(asking(policy=BY_SEVERITY).after(299.0), "SEV1").after(0.0)
    late = severity(asking(policy=BY_SEVERITY).fire().fire().after(400.0), "SEV1")
    assert host.request.until == START + 299.0 + 480.0
    assert late.request.until == late.now + 480.0, "as long as the last rung leaves to everybody"


def test_a_lower_severity_takes_nothing_back_and_pages_later() -> None:
    host = severity(asking(policy=BY_SEVERITY).after(90.0), "SEV1")
    severity(host.after(20.0), "SEV3")
    assert played(host)[2:] == [(300.0, "bob"), (600.0, "erin")]
    assert (host.outcome, host.now - START) == ("denied", 1800.0)


def test_a_severity_with_the_same_ladder_changes_nothing() -> None:
    host = asking(policy=BY_SEVERITY).after(10.0)
    timers = dict(host.timers)
    assert severity(host, "SEV2").timers == timers


def test_a_time_that_the_step_itself_gives_stays_at_every_severity() -> None:
    host = severity(asking(policy=BY_SEVERITY, silence=Silence(90.0, "deny")).after(10.0), "SEV1")
    assert played(host)[1:] == [(60.0, "bob")]
    assert (host.outcome, host.now - START) == ("denied", 90.0)


def test_a_change_of_severity_ends_the_quiet() -> None:
    host = asking(policy=BY_SEVERITY).order("acknowledge", "alice").after(90.0)
    severity(host, "SEV1")
    assert host.request.acknowledged == ""
    assert host.paged[-1].people == ("bob",)


def test_while_it_stands_still_nothing_climbs_and_then_all_comes_so_much_later() -> None:
    host = with_turn(asking().after(100.0), requesting.freeze)
    assert not host.timers
    host.after(1000.0)
    with_turn(host, lambda turn: requesting.thaw(turn, 1000.0))
    assert played(host) == [(0.0, "alice"), (1300.0, "bob"), (1600.0, "erin")]
    assert host.now - START == 2800.0


def test_what_happens_to_a_request_while_it_stands_still_keeps_it_still() -> None:
    def paused(turn: Turn) -> None:
        turn.paused = "by alice"
        requesting.freeze(turn)

    def resumed(turn: Turn) -> None:
        requesting.thaw(turn, 1000.0)
        turn.paused = ""

    host = with_turn(asking().after(100.0), paused).after(400.0)
    host.order("acknowledge", "alice").after(100.0).order("handover", "alice", role=IC, to="bob")
    assert not host.timers
    assert host.paged[-1].people == ("bob",)
    with_turn(host.after(500.0), resumed)
    assert host.request.until == host.now + 1800.0, "it was put to bob while all stood still"
    assert len(host.timers) == 1


def test_a_timer_that_is_a_trifle_early_counts() -> None:
    host = asking()
    (key,) = host.timers
    host.now += host.timers[key].seconds - 0.0004
    host.timers[key] = replace(host.timers[key], seconds=0.0)
    host.fire()
    assert host.paged[-1].people == ("bob",)


def test_an_end_that_is_a_trifle_early_is_the_end() -> None:
    host = asking(Ladder((Rung(0.0, IC),), 300.0))
    (key,) = host.timers
    host.now += 299.9996
    host.timers[key] = replace(host.timers[key], seconds=0.0)
    assert host.fire().outcome == "denied"


def test_a_new_ladder_that_pages_the_same_more_often_pages_them_for_the_rest() -> None:
    often = Ladder((Rung(0.0, IC), Rung(60.0, IC), Rung(80.0, IC)), 900.0)
    host = severity(asking(policy=replace(POLICY, by_severity={"SEV1": {IC: often}})).after(70.0), "SEV1")
    assert [task.people for task in host.paged] == [("alice",), ("alice",)]
    assert played(host)[2:] == [(80.0, "alice")]


def test_after_a_long_sleep_of_the_worker_nobody_is_paged_twice_in_one_moment() -> None:
    ladder = replace(THREE, rungs=(Rung(0.0, IC, remind=60.0), Rung(300.0, LEAD, remind=60.0)))
    host = asking(ladder)
    (key,) = host.timers
    host.timers[key] = replace(host.timers[key], seconds=1000.0)
    host.fire()
    assert [task.people[0] for task in host.paged] == ["alice", "bob"]
    (timer,) = host.timers.values()
    assert timer.seconds == 60.0


# --- several roles, and shifts ----------------------------------------------------------------------------


def test_each_role_that_must_agree_is_paged_and_only_those_that_have_not_are_paged_again() -> None:
    policy = replace(POLICY, ladders={IC: Ladder((Rung(0.0, IC), Rung(300.0, IC)), 600.0)})
    step = change(approval=Approval((IC, LEAD, "primary"), quorum=3, of_roles=3))
    host = Host(given(plan(step), policy=policy)).start()
    assert [task.people for task in host.paged] == [("alice",), ("bob",), ("dave",)]
    host.decide("approve", "bob").fire()
    assert [task.people for task in host.paged[3:]] == [("alice",), ("dave",)]


def test_who_answers_for_two_roles_is_paged_once() -> None:
    policy = replace(POLICY, roles={IC: ("alice",), LEAD: ()}, ladders={IC: THREE})
    step = change(approval=Approval((IC, LEAD), quorum=2, of_roles=2))
    assert Host(given(plan(step), policy=policy)).start().pages == [IC]


def on_call(*, acting: bool = False) -> Host:
    """Asked of who is on call: dave until 1500, 500 seconds after it is put, and erin from then on."""
    roles: dict[str, tuple[str, ...]] = {IC: (), LEAD: ("bob",)}
    ladder = Ladder((Rung(0.0, IC), Rung(100.0, LEAD)), 600.0, patience=200.0)
    policy = replace(POLICY, roles=roles, acting="primary", ladders={IC: ladder})
    step = change(approval=Approval((IC,) if acting else ("primary",)))
    return Host(given(plan(step), policy=policy)).start()


@pytest.mark.parametrize("acting", [False, True])
def test_who_is_on_call_next_is_paged_and_has_as_long_as_who_was_before(acting: bool) -> None:
    host = on_call(acting=acting).fire().fire()
    assert host.now == 1500.0
    assert host.paged[-1].people == ("erin",)
    assert host.request.holders == ("erin",)
    assert host.request.until == 2100.0
    assert "erin" in host.told("shift")[0]
    refused = host.conductor.refusal(host.state, host.decision("approve", "dave"), host.now)
    assert "dave does not hold" in refused
    assert host.decide("approve", "erin").actions


def test_a_shift_that_ends_in_a_pause_is_told_when_the_run_goes_on() -> None:
    host = on_call().order("pause", "bob").after(700.0)
    host.order("handover", "bob", role=LEAD, to="dave").order("resume", "erin")
    assert host.fire().now == 1700.0
    assert host.paged[-1].people == ("erin",)
    assert len(host.timers) == 1


def test_a_shift_that_ends_while_somebody_looks_is_told_when_they_have_had_their_time() -> None:
    host = on_call().fire().after(350.0).order("acknowledge", "dave")
    assert host.fire().now == 1650.0
    assert host.paged[-1].people == ("erin",)


def test_a_shift_of_others_changes_nothing() -> None:
    assert [when for when, _ in played(asking())] == [0.0, 300.0, 600.0]
