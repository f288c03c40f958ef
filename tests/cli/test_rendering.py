"""What a person reads of a run."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from stanch.cli.confirmation import answered
from stanch.cli.moments import far_clock, length, span
from stanch.cli.program import Program
from stanch.cli.render_incident import render_incident, render_incidents
from stanch.cli.render_leases import render_leases
from stanch.cli.render_list import render_runs
from stanch.cli.render_run import render_end, render_ledger, render_run
from stanch.cli.style import Style
from stanch.client.incidents import IncidentLine
from stanch.client.runs import RunLine
from stanch.contract import Claim, Decision, Effected, Found, IncidentView, LeaseView, Member, Moment, RunView
from tests.cli.golden import assert_golden
from tests.cli.views import (
    ASKING,
    BROKEN,
    BY_HAND,
    ENDED,
    FAILED,
    FOUND,
    HELD,
    HOSTILE,
    NOON,
    NOTED,
    NOW,
    OTHER,
    PAUSED,
    QUEUING,
    REVIEWED,
    TICKED,
    TWO_ROLES,
    WAITING,
)

STANCH = Program()
ELSEWHERE = Program(".venv/bin/stanch", {"STANCH_TEMPORAL_ADDRESS": "127.0.0.1:7300"})


def shown(view: RunView, program: Program = STANCH, *, colour: bool = False, width: int = 60) -> str:
    return render_run(view, program, NOW, Style(colour, width))


@pytest.mark.parametrize(
    ("name", "view", "program"),
    [
        ("waiting.txt", WAITING, STANCH),
        ("waiting-elsewhere.txt", WAITING, ELSEWHERE),
        ("ended.txt", ENDED, STANCH),
        ("failed.txt", FAILED, STANCH),
        ("asking.txt", ASKING, STANCH),
        ("by-hand.txt", BY_HAND, STANCH),
        ("two-roles.txt", TWO_ROLES, STANCH),
        ("hostile.txt", HOSTILE, STANCH),
    ],
)
def test_a_run_is_shown_in_full(name: str, view: RunView, program: Program) -> None:
    assert_golden(name, shown(view, program))


def test_the_end_of_a_run_says_what_changed_and_where_the_time_went() -> None:
    assert_golden("end.txt", render_end(ENDED, STANCH, Style(width=60)))


@pytest.mark.parametrize("width", [40, 100])
@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("waiting", WAITING),
        ("noted", NOTED),
        ("paused", PAUSED),
        ("held", HELD),
        ("queuing", QUEUING),
        ("broken", BROKEN),
        ("ticked", TICKED),
        ("ended", ENDED),
        ("reviewed", REVIEWED),
    ],
)
def test_a_run_is_shown_on_a_phone_and_on_a_screen(name: str, view: RunView, width: int) -> None:
    assert_golden(f"{name}-{width}.txt", shown(view, width=width))


@pytest.mark.parametrize("view", [WAITING, NOTED, PAUSED, HELD])
def test_an_open_question_is_the_first_thing_that_is_shown(view: RunView) -> None:
    lines = shown(view).splitlines()
    assert lines[0].startswith("== ANSWER NEEDED ==")
    assert lines[1] == view.requests[0].question


def test_what_stops_a_run_comes_before_everything_but_the_question() -> None:
    text = shown(HELD)
    places = [text.index(word) for word in ("ANSWER NEEDED", "ON HOLD", "What it found", "Steps", "Timeline")]
    assert places == sorted(places)
    stopped = shown(replace(PAUSED, requests=()))
    assert stopped.splitlines()[0].startswith("PAUSED: ")


@pytest.mark.parametrize("width", [40, 100])
def test_leases_are_listed_with_their_queues(width: int) -> None:
    first = Claim("run/rollback-release/9f3c", "e1", "x#1", started_by="alert:alertmanager", asked=NOON)
    drill = Claim("run/restart/4", "e4", "x#1", severity="SEV4", mode="drill", asked=NOON + 30)
    hosts = tuple(f"web{number}" for number in range(14))
    share = Claim("run/patch/1", "e2", "x#1", capacity=20, targets=hosts, granted=NOON)
    found = [
        LeaseView("pool/web", (share,)),
        LeaseView("service/checkout", (OTHER,), (first, drill)),
        LeaseView("x\x1b[2J", (drill,)),
    ]
    assert_golden(f"leases-{width}.txt", render_leases(found, NOW, Style(width=width)))


def test_what_the_question_has_found_is_not_said_twice() -> None:
    request = replace(WAITING.requests[0], findings=FOUND)
    both = shown(replace(WAITING, requests=(request,), findings=FOUND))
    assert both.count(FOUND[0].text) == 1
    differ = shown(
        replace(WAITING, requests=(request,), findings=(*FOUND, Found("x", "cleared", "All well.")))
    )
    assert differ.count(FOUND[0].text) == 2


def test_each_hold_is_released_by_its_own_command() -> None:
    text = shown(replace(HELD, holds={"": "alice", "db-down": "bob"}))
    run = HELD.run.removeprefix("run/")
    assert f"\n  stanch release {run}\n" in text
    assert "\n  stanch incident release db-down\n" in text


@pytest.mark.parametrize(
    ("changes", "now", "says"),
    [
        ({}, NOON + 2 + 1550, "Answer within 4 min 10 s, else denied (at 08:30:02 UTC)."),
        ({"silence": "abort"}, NOON + 2, "Answer within 30 min, else the run is aborted (at 08:30:02 UTC)."),
        ({"kind": "manual"}, NOON + 1800, "Answer within 2 s, else the step has failed (at 08:30:02 UTC)."),
        ({}, NOON + 1900, "The time to answer is over: it is denied."),
    ],
)
def test_how_long_there_is_to_answer_is_said_in_words(changes: dict[str, Any], now: float, says: str) -> None:
    view = replace(WAITING, requests=(replace(WAITING.requests[0], **changes),))
    assert says in " ".join(render_run(view, STANCH, now, Style()).split())


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize("view", [WAITING, NOTED, PAUSED, HELD, TICKED, ENDED, REVIEWED])
def test_all_fits_the_terminal_but_for_what_is_pasted_or_run(view: RunView, width: int) -> None:
    wide = [line.split()[0] for line in shown(view, width=width).splitlines() if len(line) > width]
    assert set(wide) <= {"stanch", "Web"}


def test_colour_adds_nothing_but_colour() -> None:
    coloured = shown(ENDED, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(ENDED)


def test_outside_text_reaches_the_terminal_as_text() -> None:
    """Every field of the view holds control characters; a newline is only ever ours."""
    text = shown(HOSTILE)
    assert {char for char in text if not char.isprintable()} == {"\n"}
    assert "\u202e" not in text
    assert text.count("\\x1b]0;owned") > 30


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (-1, "0.0s"),
        (0.34, "0.3s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3599.7, "1h00m"),
        (7800, "2h10m"),
        (86_400 * 3 + 4 * 3600, "3d04h"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, text: str) -> None:
    assert length(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (45, "45 s"),
        (250, "4 min 10 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (1e6, "11 d 13 h"),
    ],
)
def test_a_span_is_said_as_one_says_it(seconds: float, text: str) -> None:
    assert span(seconds) == text


LINE = RunLine(
    run="run/rollback-release/9f3c",
    runbook="rollback-release",
    phase="waiting",
    status="running",
    severity="SEV2",
    service="checkout",
    started=NOON,
    ended=0.0,
)
LINES = [
    LINE,
    replace(LINE, run="run/x/2", phase="paused", service=""),
    replace(LINE, run="run/x/1", phase="in_doubt", status="failed", service="", ended=NOON + 7),
]


@pytest.mark.parametrize("width", [40, 100])
def test_runs_are_listed_in_columns_or_one_below_the_other(width: int) -> None:
    assert_golden(f"runs-{width}.txt", render_runs(LINES, NOW, Style(width=width)))


def test_a_run_that_ended_while_it_was_asked_waits_for_nobody() -> None:
    assert "?" not in render_runs([replace(LINE, ended=NOON + 7)], NOW, Style(width=100))


@pytest.mark.parametrize("width", [40, 100])
def test_incidents_are_listed_in_columns_or_one_below_the_other(width: int) -> None:
    lines = [
        IncidentLine("db-down", "alice put it on hold", 3, NOON, 0.0),
        IncidentLine("slow", "", 1, NOON, 0.0),
        IncidentLine("over", "", 0, NOON, NOON + 7),
    ]
    assert_golden(f"incidents-{width}.txt", render_incidents(lines, NOW, Style(width=width)))


@pytest.mark.parametrize("width", [40, 100])
def test_an_incident_says_first_that_it_is_on_hold(width: int) -> None:
    members = (
        Member("run/rollback-release/9f3c", NOON, held=True),
        Member("run/failover/77", NOON, pending=True),
        Member("run/failover/78", NOON, trouble="the signature is wrong"),
    )
    held = "alice put the incident db-down on hold at 08:00 UTC: the wrong cluster"
    timeline = (Moment(NOON, "hold", "hold by alice: the wrong cluster", by="alice"),)
    view = IncidentView("db-down", held=held, members=members, timeline=timeline)
    assert_golden(f"incident-{width}.txt", render_incident(view, STANCH, Style(width=width)))


def test_a_moment_of_another_day_is_told_with_its_day() -> None:
    assert far_clock(NOON + 3600, NOON) == "09:00:00 UTC"
    assert far_clock(NOON + 86_400, NOON) == "2026-11-24 08:00:00 UTC"


def test_an_approval_that_is_not_enough_says_how_many_have_agreed() -> None:
    request = TWO_ROLES.requests[0]
    decision = Decision(request.id, "approve", by="dana", digest=request.digest)
    assert answered(TWO_ROLES, decision, "approve recorded") == (
        "approve recorded; 1 of 2 have agreed, so it is still asked"
    )
    assert answered(replace(TWO_ROLES, requests=()), decision, "approve recorded") == "approve recorded"


def test_a_change_that_is_not_complete_or_may_not_have_been_made_says_so() -> None:
    half = Effected("fix", "web1, web2", "fix", 0.0, incomplete="`web2` ended with status 1")
    for effect, told in (
        (half, "not complete: `web2` ended with status 1"),
        (replace(half, undone=True), "not complete: `web2` ended with status 1"),
        (replace(half, incomplete="", doubtful=True), "nobody knows whether it was made"),
    ):
        assert f"    {told}" in render_ledger((effect,), Style(width=100))


def test_an_output_that_is_a_series_is_shown_as_a_line() -> None:
    series = [{"labels": {}, "points": [[0.0, 1.0], [60.0, 3.0]]}]
    told = shown(replace(ENDED, outputs={"p99": series}))
    assert "  output p99: ▁█ 1 .. 3, last 3, 2 points in 1m\n" in told
