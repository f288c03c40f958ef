"""Wait for something to be so, and for no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds. Far more than anything here takes, because two busy cores are no reason to fail."""


def until(ask: Callable[[], T | None], what: str, *, within: float = PATIENCE, every: float = 0.1) -> T:
    """The first answer of `ask` that is true; TimeoutError with `what` and the last answer after `within`."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within:g} s for {what}; the last answer was {answer!r}")
        time.sleep(every)
    return answer
