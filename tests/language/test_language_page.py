"""Every block of the language's page is a runbook that compiles."""

from __future__ import annotations

import re

import pytest

from stanch.language.scope import RUN, STEP_STATE
from tests.language.cases import CHECKOUT, really_compiled, whole

PAGE = (CHECKOUT / "docs" / "language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SHOWN_ALONE = {"RB305", "RB306"}
"""A short example need not use all that it shows."""


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_the_page_compiles(block: str) -> None:
    found = really_compiled(whole(block))
    assert [each for each in found.diagnostics if each.code not in SHOWN_ALONE] == []
    assert found.plan is not None


def test_the_page_names_every_built_in_name() -> None:
    for name in (*RUN, *STEP_STATE):
        assert re.search(rf"\b{name}\b", PAGE), name


def test_the_page_is_short_enough_to_be_read_in_fifteen_minutes() -> None:
    assert len(PAGE.split()) < 2500
