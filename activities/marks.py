"""What names a step of a run for ever in somebody else's system: the same for every attempt at it."""

from __future__ import annotations

from hashlib import sha256


def stem_of(key: str) -> str:
    """The run and the step of a `Context.key`: by hand again it has another key, and this stem."""
    return key.rpartition("#")[0] or key


def mark_of(key: str) -> str:
    """32 letters and digits for `key`; none for none."""
    return sha256(key.encode()).hexdigest()[:32] if key else ""
