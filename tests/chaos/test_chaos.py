"""A short pass of what `make chaos` does for ten minutes: everything breaks, and every account is true."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

import pytest

from tests.chaos.play import play
from tests.chaos.report import failure, table
from tests.chaos.schedule import SHORT

pytestmark = pytest.mark.timeout(600)


GATE = 7
"""The gate plays the same schedule for the same code; whoever works on it explores."""


def test_no_change_is_made_twice_and_none_is_lost_whatever_breaks(tmp_path: Path) -> None:
    seed = GATE if os.environ.get("CI") else secrets.randbelow(100_000)
    found = asyncio.run(play(tmp_path, seed, SHORT))
    assert not found.wrong, failure(found)
    assert sum(found.faults.values()) >= SHORT.faults // 2, table(found)
    assert sum(turn.ended for story in found.stories for turn in story.turns) > 0, table(found)
