"""`docs/actions/` has a page for every action, with every parameter and every part of its result."""

from __future__ import annotations

import re

import pytest

from stanch.schemas import load_catalogue
from tests.project.checkout import ROOT

PAGES = ROOT / "docs" / "actions"
ACTIONS = load_catalogue().actions


def listed(page: str) -> tuple[set[str], set[str]]:
    """What the tables of a page list: parameters, and parts of the result."""
    parameters, result = page.partition("\n## Result\n")[::2]
    return rows(parameters), rows(result.partition("\n## ")[0])


def rows(text: str) -> set[str]:
    cells = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_action_has_a_page_and_every_page_an_action() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(ACTIONS)


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_a_page_lists_every_parameter_and_every_part_of_the_result(name: str) -> None:
    parameters, result = listed((PAGES / f"{name}.md").read_text(encoding="utf-8"))
    spec = ACTIONS[name]
    assert parameters == set(spec.params["properties"])
    assert result == set(spec.result["properties"])
