"""What a person reads of a run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from stanch.cli.moments import length
from stanch.cli.program import Program
from stanch.cli.render_list import render_runs
from stanch.cli.render_run import render_end, render_run
from stanch.cli.style import WIDTH, Style
from stanch.client.runs import RunLine
from stanch.contract import RunView
from tests.cli.golden import assert_golden
from tests.cli.views import ASKING, BY_HAND, ENDED, FAILED, HOSTILE, NOON, NOW, TWO_ROLES, WAITING

STANCH = Program()
ELSEWHERE = Program(".venv/bin/stanch", {"STANCH_TEMPORAL_ADDRESS": "127.0.0.1:7300"})


def shown(view: RunView, program: Program = STANCH, *, colour: bool = False) -> str:
    return render_run(view, program, NOW, Style(colour))


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
    assert_golden("end.txt", render_end(ENDED, STANCH, Style()))


def test_an_open_question_is_the_first_thing_that_is_shown() -> None:
    assert shown(WAITING).splitlines()[0].startswith("== ANSWER NEEDED ==")
    assert shown(WAITING).splitlines()[1] == WAITING.requests[0].question


def test_a_question_fits_a_phone_but_for_what_is_pasted_or_run() -> None:
    block = shown(WAITING).split("=" * WIDTH)[0].splitlines()
    wide = [line for line in block if len(line) > WIDTH]
    assert [line.split()[0] for line in wide] == ["stanch", "stanch", "Web"]


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


def test_runs_are_listed_in_columns() -> None:
    line = RunLine(
        run="run/rollback-release/9f3c",
        runbook="rollback-release",
        phase="waiting",
        status="running",
        severity="SEV2",
        service="checkout",
        started=NOON,
        ended=0.0,
    )
    ended = replace(line, run="run/x/1", phase="in_doubt", status="failed", service="", ended=NOON + 7)
    assert_golden("runs.txt", render_runs([line, ended], NOW, Style()))
