"""What is read after a change was made: from then on nobody may say that nothing was executed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable


@contextmanager
def executed(what: str) -> Iterator[None]:
    """In it, an answer that says no, or none, is OutcomeUnknown: `what` names what was changed."""
    try:
        yield
    except (Unreachable, ActionRefused) as error:
        raise OutcomeUnknown(f"{what} was changed, but then could not be read: {error}") from None
