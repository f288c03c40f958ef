"""A test that hangs ends, is told of by name, and takes nothing with it that was told before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.test_leave import pytest_in

OPTIONS = (
    "-p",
    "tests.support.limits",
    "-p",
    "pytest_asyncio",
    "--asyncio-mode=auto",
    "-o",
    "timeout_grace=1",
    "-p",
    "no:randomly",
)
KIND = """
import asyncio
import pytest

@pytest.mark.timeout(2)
async def test_that_waits_for_ever():
    try:
        while True:
            await asyncio.sleep(0.01)
    finally:
        print("cleaned up")
"""
DEAF = """
import time
import pytest

def test_that_fails():
    assert "this" == "that"

@pytest.mark.timeout(1)
def test_that_hears_nothing():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


def test_a_coroutine_is_cancelled_inside_of_itself(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(KIND)
    run = pytest_in(tmp_path, *OPTIONS, "test_suite.py")
    assert run.returncode == 1
    assert "test_that_waits_for_ever (call): Failed: not over after 1.7 s" in run.stdout
    assert "cleaned up" in run.stdout


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_hears_nothing_ends_with_its_process_and_shows_where_it_was(
    tmp_path: Path, processes: str
) -> None:
    (tmp_path / "test_suite.py").write_text(DEAF)
    run = pytest_in(tmp_path, *OPTIONS, "-n", processes, "--max-worker-restart=0", "test_suite.py")
    assert run.returncode == 1
    assert "test_that_fails (call): AssertionError" in run.stdout
    assert "in test_that_hears_nothing" in run.stdout + run.stderr
    if processes != "0":
        assert "crashed while running 'test_suite.py::test_that_hears_nothing'" in run.stdout


def test_what_is_told_is_told_at_once(tmp_path: Path) -> None:
    """Before the summary, which a run that is stopped from outside never reaches."""
    (tmp_path / "test_suite.py").write_text(
        "def test_one():\n    assert 1 == 2\n\ndef test_two():\n    pass\n"
    )
    told = pytest_in(tmp_path, *OPTIONS, "test_suite.py").stdout
    assert told.index("test_one (call): assert 1 == 2") < told.index("= FAILURES =")
