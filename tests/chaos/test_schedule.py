"""The seed is the schedule."""

from __future__ import annotations

from tests.chaos.scenarios import SCENARIOS
from tests.chaos.schedule import FULL, KINDS, SHORT, draw


def test_a_seed_gives_the_same_schedule_again_and_another_one_another() -> None:
    assert draw(7, FULL) == draw(7, FULL)
    assert draw(7, FULL) != draw(8, FULL)


def test_a_full_pass_has_every_kind_of_fault_and_answer_and_every_runbook_many_times() -> None:
    schedule = draw(7, FULL)
    assert len(schedule.cases) >= 200
    assert len(schedule.faults) >= 300
    for kind in KINDS:
        assert sum(fault.kind == kind for fault in schedule.faults) >= 3, kind
    for answer in ("approve", "deny", "nothing", "silence"):
        assert sum(case.answer == answer for case in schedule.cases) >= 3, answer
    for scenario in SCENARIOS:
        assert sum(case.scenario == scenario for case in schedule.cases) >= 20, scenario.runbook


def test_a_short_pass_has_every_runbook() -> None:
    assert {case.scenario for case in draw(7, SHORT).cases} == set(SCENARIOS)


def test_an_alert_is_delivered_as_often_and_its_run_answered_as_the_schedule_says() -> None:
    cases = draw(7, FULL).cases
    assert {case.deliveries for case in cases} == {1, 2, 3}
    assert len({case.run for case in cases}) == len(cases)
