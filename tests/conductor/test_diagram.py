"""docs/conductor.md shows the transition table as it is.

`UPDATE_GOLDEN=1 pytest tests/conductor/test_diagram.py` puts today's table into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from stanch.conductor import commands
from stanch.conductor.diagram import diagram, mermaid, rows
from stanch.conductor.machine import TABLE
from stanch.conductor.state import Phase
from tests.project.checkout import ROOT

PAGE = ROOT / "docs" / "conductor.md"
BLOCK = re.compile(r"(?<=<!-- from the table -->\n\n).*?(?=\n<!-- to here -->)", re.DOTALL)


def test_the_page_shows_todays_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_GOLDEN"):
        page = BLOCK.sub(lambda _: diagram(), page)
        PAGE.write_text(page, encoding="utf-8")
    assert BLOCK.findall(page) == [diagram()], "run `UPDATE_GOLDEN=1 pytest tests/conductor/test_diagram.py`"


def test_the_program_prints_the_same() -> None:
    command = [sys.executable, "-m", "stanch.conductor.diagram"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == diagram()


def test_every_row_is_in_the_list_with_its_phases() -> None:
    listed: dict[tuple[str, str], set[str]] = {}
    for line in rows().splitlines()[2:]:
        phases, events, _, targets = (cell.strip() for cell in line.strip("|").split("|"))
        for phase in phases.split(", "):
            for event in re.findall(r"`(\w+)`", events):
                assert (phase, event) not in listed
                listed[phase, event] = set(targets.split(", "))
    assert set(listed) == {(phase.value, event.__name__) for phase, event in TABLE}
    for (phase, event), row in TABLE.items():
        assert listed[phase.value, event.__name__] >= {target.value for target in row.to}


def test_every_phase_that_is_not_the_end_is_in_the_picture() -> None:
    drawn = set(re.findall(r"^  (\w+) --> ", mermaid(), re.MULTILINE))
    assert {phase.value for phase in Phase if not phase.final} <= drawn


def test_the_page_explains_every_phase_and_every_command() -> None:
    page = PAGE.read_text(encoding="utf-8")
    explained = re.search(r"\| phase \| what it means \|\n.*?\n\n", page, re.DOTALL)
    assert explained
    cells = re.findall(r"^\| ([a-z_, ]+) \|", explained.group(), re.MULTILINE)
    assert {name for cell in cells[1:] for name in cell.split(", ")} == {phase.value for phase in Phase}
    told = set(re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE))
    assert told == {kind.__name__ for kind in commands.Command.__args__}
