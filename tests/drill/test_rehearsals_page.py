"""docs/rehearsals.md: every block of it fits, and says what is true."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from stanch.config import Policy
from stanch.drill.rehearsal.bind import bind
from stanch.drill.rehearsal.rehearse import rehearse
from stanch.language.people import asked_roles
from stanch.library import load_library
from stanch.schemas import load_catalogue, load_schema
from tests.drill.support import as_expected, compiled, forms, parsed
from tests.drill.test_knowing import DRAIN
from tests.drill.test_pages import whole

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "rehearsals.md").read_text(encoding="utf-8")
ALL = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BLOCKS = [block for block in ALL if "in_place" not in block]
(KNOWING,) = (block for block in ALL if "in_place" in block)
"""About another runbook than the others."""
PLANS = load_library([CHECKOUT / "runbooks"], date(2026, 11, 23)).plans
HEAD = "rehearsal: it\nrunbook: rollback-release\n"


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_the_page_fits_its_runbook(block: str) -> None:
    found = parsed(whole(block if "rehearsal:" in block else HEAD + block))
    for rehearsal, report in found.rehearsals:
        bind(rehearsal, PLANS[rehearsal.runbook.text], forms(), report)
    assert found.diagnostics == ()


def test_the_rehearsal_on_the_page_goes_as_it_says() -> None:
    ((rehearsal, _),) = parsed(BLOCKS[0]).rehearsals
    plan = PLANS[rehearsal.runbook.text]
    verdict = rehearse(rehearsal, plan, Policy().for_run(asked_roles(plan), "SEV3"), load_catalogue())
    assert verdict.passed, verdict


def test_the_change_on_the_page_that_is_looked_for_goes_as_it_says() -> None:
    as_expected(KNOWING, compiled(DRAIN))


@pytest.mark.parametrize("part", ["take", "expect", "request", "finding", "effect", "answered", "look"])
def test_the_page_names_every_word(part: str) -> None:
    schema = load_schema("drill.v1.json")
    fields = set(schema["$defs"]["look"]["properties"]) - {
        "result",
        "takes",
        "fails",
        "unreachable",
        "targets",
    }
    words = schema["$defs"][part]["properties"].keys() - fields
    assert [word for word in words if not re.search(rf"\b{word}\b", PAGE)] == []


def test_the_page_names_every_word_at_the_top() -> None:
    assert [word for word in load_schema("drill.v1.json")["properties"] if f"{word}" not in PAGE] == []
