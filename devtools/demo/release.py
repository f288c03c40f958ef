"""The two releases of the demo service and what is wrong with the newer one."""

from __future__ import annotations

from typing import Final

GOOD: Final = "2026.11.1"
BAD: Final = "2026.11.2"
RELEASES: Final = (GOOD, BAD)
"""Oldest first."""

_FAILS_EVERY: Final = {BAD: 5}


def fails(release: str, order: int) -> bool:
    """Whether an instance on `release` fails its request number `order` (0, 1, ...).

    Counted, not drawn at random: a window of a few seconds then always shows the same share, and a
    check against a limit does not pass or fail by luck.
    """
    every = _FAILS_EVERY.get(release)
    return every is not None and order % every == every - 1
