"""Every shipped runbook is rehearsed, on all its branches, and goes as expected."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from stanch.cli.played import Played, find_gaps, play
from stanch.cli.rehearsals import Rehearsals, find_rehearsals, load_rehearsals
from stanch.config import Policy
from stanch.drill.rehearsal.show import diff
from stanch.schemas import load_catalogue

ROOT = Path(__file__).resolve().parents[2]
DRILLS = ROOT / "drills" / "rehearsals"


@cache
def rehearsed() -> tuple[Rehearsals, list[Played]]:
    held = load_rehearsals(find_rehearsals([ROOT / "drills"]), [ROOT / "runbooks"], every=True)
    bound = [each for file in held.files for each in file.rehearsals]
    return held, [play(each, Policy(), load_catalogue()) for each in bound]


def test_shipped_rehearsals_have_no_diagnostic() -> None:
    held, _ = rehearsed()
    assert [str(each) for file in held.files for each in file.diagnostics] == []


def test_every_shipped_rehearsal_goes_as_expected() -> None:
    _, played = rehearsed()
    assert played
    told = {
        each.bound.rehearsal.label: [
            line
            for found in each.verdict.differences
            for line in (found.what, *diff(found.expected, found.happened))
        ]
        + [found.message for found in each.verdict.diagnostics]
        for each in played
        if each.verdict is not None and not each.passed
    }
    assert told == {}
    assert all(each.passed for each in played)


def test_no_branch_of_a_shipped_runbook_is_left_out() -> None:
    held, played = rehearsed()
    assert [f"{gap.path}:{gap.span.line}: {gap.text}" for gap in find_gaps(held, played)] == []


def test_a_branch_that_is_left_out_would_be_found() -> None:
    held, played = rehearsed()
    fewer = [each for each in played if each.bound.rehearsal.name.text != "it-does-not-help"]
    assert any("its `verify` never fails" in gap.text for gap in find_gaps(held, fewer))


def test_a_rehearsal_stands_in_the_folder_of_its_runbook_in_a_file_of_its_name() -> None:
    held, _ = rehearsed()
    for file in held.files:
        ((rehearsal),) = (each.rehearsal for each in file.rehearsals)
        assert Path(file.path).resolve() == DRILLS / f"{rehearsal.label}.yaml"
        assert rehearsal.title, f"{rehearsal.label} says what is rehearsed"
