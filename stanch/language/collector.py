"""Python's garbage collector, held off while runbooks are compiled."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Nothing that is made of a runbook refers to itself, so all of it goes when it is no longer held.

    The collector would look at the trees of the whole library over and over, and find nothing to collect: a
    third of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
