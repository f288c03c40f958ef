"""The pools of a policy: which targets belong together, and how many of them may be disrupted at once."""

from __future__ import annotations

from stanch.language.plan import Json


def read_pools(spec: Json) -> dict[str, tuple[str, ...]]:
    """Pool to its targets, from a list or from `{targets, budget}`."""
    return {name: tuple(_targets(held)) for name, held in spec.items()}


def read_budgets(spec: Json) -> dict[str, int]:
    """Pool to how many of its targets may be disrupted at once, of those that say so. A share is rounded
    down, and one target is the least: with none, nothing could ever be changed."""
    return {
        name: _count(held["budget"], len(set(held["targets"])))
        for name, held in spec.items()
        if isinstance(held, dict) and "budget" in held
    }


def _targets(held: Json) -> list[str]:
    targets: list[str] = held["targets"] if isinstance(held, dict) else held
    return targets


def _count(budget: int | str, total: int) -> int:
    if isinstance(budget, int):
        return budget
    return max(1, total * int(budget.removesuffix("%")) // 100)
