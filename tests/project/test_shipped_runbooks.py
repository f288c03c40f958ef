"""Every runbook in the checkout compiles, and the checks have nothing to say about those that ship."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from stanch.library import load_library

ROOT = Path(__file__).resolve().parent.parent.parent
WRITTEN = date(2026, 11, 23)
"""Not today: a runbook whose review is overdue is its owner's affair and no failure of the code."""


def test_shipped_runbooks_have_no_diagnostic() -> None:
    library = load_library([ROOT / "runbooks"], WRITTEN)
    assert library.diagnostics == ()
    assert {"rollback-release", "error-rate"} <= set(library.plans)


def test_the_runbooks_of_tests_and_benchmarks_compile() -> None:
    library = load_library(
        [ROOT / "tests/e2e/runbooks", ROOT / "tests/chaos/runbooks", ROOT / "bench"], WRITTEN
    )
    assert [str(each) for each in library.diagnostics] == []
