"""Files of the largest size that were made to hurt are answered in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.language.cases import CHECKOUT
from tests.language.hostile import HOSTILE

LONGEST = 20.0
"""Seconds of the processor for one file. The slowest needs one; what is quadratic would need minutes."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What a process said that has little memory for all of them; the last file is named when it died."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.language.hostile"],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    done = {line["name"]: line for line in lines}
    unanswered = next((name for name in HOSTILE if name not in done), None)
    assert run.returncode == 0, f"status {run.returncode} on `{unanswered}`: {run.stderr[-2000:]}"
    return done


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_bounded_time_and_memory(answers: dict[str, Any], name: str) -> None:
    answer = answers[name]
    assert HOSTILE[name][1] in answer["codes"]
    assert answer["seconds"] < LONGEST
    assert answer["longest"] < 500
