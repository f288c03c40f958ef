"""Whole documents and everything that is said about them, as a person sees it.

`REGENERATE=1 pytest tests/language/test_golden.py` writes the expected output anew; look at the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stanch.language.render.text import render_text
from tests.language.cases import HERE, compiled

CASES = sorted((HERE / "golden").glob("*.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_document_is_diagnosed_as_before(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    rendered = render_text(compiled(text, path.name).diagnostics, {path.name: text}, colour=False)
    expected = path.with_suffix(".txt")
    if os.environ.get("REGENERATE") == "1":
        expected.write_text(rendered, encoding="utf-8")
    assert rendered == expected.read_text(encoding="utf-8")


def test_every_expected_output_has_its_document() -> None:
    assert {path.stem for path in (HERE / "golden").glob("*.txt")} == {path.stem for path in CASES}
