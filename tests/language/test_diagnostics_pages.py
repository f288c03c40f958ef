"""Every code has a page, whose examples are what it says they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stanch.language.compile import compile_library
from stanch.language.diagnostics import CODES, Severity
from stanch.schemas import load_catalogue
from tests.language.cases import CHECKOUT, TODAY, files_of

PAGES = CHECKOUT / "docs" / "diagnostics"
SPOKEN = {"RB102", "RB103", "RB104", "RB110", "RB601"}
"""Codes whose example cannot be printed; `test_read.py` and `test_large.py` have them."""
REHEARSED = {code for code in CODES if code.startswith("RB7")}
"""Codes of rehearsals; `tests/drill/test_pages.py` has them."""
TOGETHER = {"RB313": ["RB313", "RB301"], "RB517": ["RB517", "RB517"]}
"""What is said about several files: the other mistake, or the same one at both places."""


def sections(code: str) -> dict[str, str]:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def example(section: str) -> str:
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found.group(1)


def said(fragment: str, code: str) -> list[str]:
    """The codes for an example, without advice on what it leaves out to stay short."""
    silent = {"RB305", "RB306"} - {code}
    files = compile_library(files_of(fragment), load_catalogue(), TODAY)
    return [each.code for file in files for each in file.diagnostics if each.code not in silent]


def test_there_is_a_page_for_every_code_and_none_for_another() -> None:
    assert {path.stem for path in PAGES.glob("RB*.md")} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_is_headed_by_the_meaning_of_its_code(code: str) -> None:
    first = (PAGES / f"{code}.md").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# {code}: {CODES[code].meaning}"


@pytest.mark.parametrize("code", sorted(CODES.keys() - SPOKEN - REHEARSED))
def test_the_problematic_example_is_one_diagnostic_and_the_correct_one_none(code: str) -> None:
    parts = sections(code)
    assert said(example(parts["Problematic"]), code) == TOGETHER.get(code, [code])
    assert said(example(parts["Correct"]), code) == []
    assert parts["Why"].strip()


def test_the_index_lists_every_code_with_its_severity() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\((\S+)\) \| (.+) \| (\w+) \|$", Path(PAGES / "README.md").read_text(), re.MULTILINE
    )
    expected = [(code, f"{code}.md", meta.meaning, str(meta.severity)) for code, meta in CODES.items()]
    assert rows == expected


def test_advice_is_marked_as_such_on_its_page() -> None:
    for code, meta in CODES.items():
        text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
        assert ("Advice:" in text) == (meta.severity is Severity.WARNING), code
