"""How a loop goes through its items: the sizes of its batches, and how many of its rounds may fail."""

from __future__ import annotations

from stanch.language.plan import ForEach


def size_of(loop: ForEach, batch: int, total: int) -> int:
    """Items in batch number `batch` (from 0) of `total`: the last size repeats, a percentage is rounded up.
    Without sizes all items are one batch."""
    if not loop.batches:
        return total
    size = loop.batches[min(batch, len(loop.batches) - 1)]
    return max(1, size if isinstance(size, int) else -(-total * _percent(size) // 100))


def sizes(loop: ForEach, total: int) -> list[int]:
    """The batches that `total` items are cut into, in order."""
    found: list[int] = []
    left = total
    while left > 0:
        found.append(min(left, size_of(loop, len(found), total)))
        left -= found[-1]
    return found


def may_fail(loop: ForEach, total: int) -> int:
    """How many of `total` rounds may fail before the rest is left alone; a percentage is rounded down."""
    most = loop.max_failures
    return most if isinstance(most, int) else total * _percent(most) // 100


def _percent(text: str) -> int:
    return int(text.removesuffix("%"))
