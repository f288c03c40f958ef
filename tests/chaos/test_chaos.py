"""A short pass of what `make chaos` does for ten minutes: everything breaks, and every account is true."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from tests.chaos.play import play
from tests.chaos.report import failure, table
from tests.chaos.schedule import SHORT

pytestmark = pytest.mark.timeout(600)


def test_no_change_is_made_twice_and_none_is_lost_whatever_breaks(tmp_path: Path) -> None:
    found = asyncio.run(play(tmp_path, secrets.randbelow(100_000), SHORT))
    assert not found.wrong, failure(found)
    assert sum(found.faults.values()) >= SHORT.faults // 2, table(found)
    assert sum(turn.ended for story in found.stories for turn in story.turns) > 0, table(found)
