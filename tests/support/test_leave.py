"""The run ends by itself, with the right status, and nothing that belongs to it is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.checkout import ROOT

# What would happen at interpreter exit, where the Temporal client may abort: here it leaves a trace.
SUITE = """
import atexit
from pathlib import Path

atexit.register(lambda: Path({trace!r}).touch())

def test_one():
    assert {good}

def test_two(capsys):
    print("seen")
    assert capsys.readouterr().out == "seen\\n"
"""


@pytest.mark.parametrize("processes", ["0", "2"])
@pytest.mark.parametrize(
    ("good", "status", "summary"), [(True, 0, "2 passed"), (False, 1, "1 failed, 1 passed")]
)
def test_a_run_ends_with_its_own_status_before_the_interpreter_is_torn_down(
    tmp_path: Path, processes: str, good: bool, status: int, summary: str
) -> None:
    trace = tmp_path / "torn-down"
    (tmp_path / "test_suite.py").write_text(SUITE.format(trace=str(trace), good=good))
    run = pytest_in(tmp_path, "-n", processes, "test_suite.py")
    assert (run.returncode, summary in run.stdout.splitlines()[-1]) == (status, True), run.stdout + run.stderr
    assert not trace.exists()
    assert "not properly terminated" not in run.stdout.lower()


def test_a_run_without_a_session_ends_the_usual_way(tmp_path: Path) -> None:
    assert pytest_in(tmp_path, "--no-such-option").returncode == pytest.ExitCode.USAGE_ERROR
    assert "usage:" in pytest_in(tmp_path, "--help").stdout


def pytest_in(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    # The outer run's own variables would make the inner one a worker of it.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.support.leave", *args],
        cwd=folder,
        env={**env, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
