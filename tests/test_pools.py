"""Pools of a policy: their targets, and how many of them may be disrupted at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.config import Policy, load_config
from stanch.errors import InvalidInput


def policy(folder: Path, pools: str) -> Policy:
    file = folder / "stanch.yaml"
    file.write_text(f"policy:\n  pools:\n{pools}", encoding="utf-8")
    return load_config(file, {}).policy


def test_a_pool_is_a_list_or_has_a_budget_and_a_run_pins_both(tmp_path: Path) -> None:
    held = policy(
        tmp_path, "    web: {targets: [a, b, c], budget: 2}\n    db: [d]\n    all: {targets: [a]}\n"
    )
    assert held.pools == {"web": ("a", "b", "c"), "db": ("d",), "all": ("a",)}
    pinned = held.for_run((), "SEV2")
    assert (pinned.pools, pinned.budgets) == (held.pools, {"web": 2})


@pytest.mark.parametrize(("share", "count"), [("50%", 4), ("49%", 4), ("11%", 1), ("1%", 1), ("100%", 9)])
def test_a_share_is_rounded_down_and_one_is_the_least(tmp_path: Path, share: str, count: int) -> None:
    targets = ", ".join("abcdefghi")
    assert policy(tmp_path, f"    web: {{targets: [{targets}, a], budget: {share}}}\n").budgets == {
        "web": count
    }


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ("{targets: [a], budget: 0}", "`budget` must be at least 1, not `0`"),
        ("{targets: [a], budget: half}", "must be a number of targets or a percentage from `1%` to `100%`"),
        ("{budget: 1}", "`web` has no `targets`"),
        ("{targets: []}", "`targets`"),
        ("{targets: [a], budgte: 1}", "did you mean `budget`?"),
    ],
)
def test_a_budget_that_makes_no_sense_is_told_at_its_place(tmp_path: Path, pool: str, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        policy(tmp_path, f"    web: {pool}\n")
    assert message in str(error.value)
