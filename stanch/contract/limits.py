"""What Temporal takes, and where Stanch stops before: behind these, the server simply ends a workflow.

A history ends at 51,200 events and at 50 MiB, a payload at 2 MiB, a message at 4 MiB, and 2,000 activities
may be pending. Sizes here are bytes of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

EVENTS = 40_000
"""From so many on, a run begins nothing new. What is under way, and what is taken back, has the rest."""
HISTORY = 28 << 20
UNDER_WAY = 14 << 20
"""Bytes of results of all actions that are under way together."""
RESULT = 1536 * 1024
"""Of one action, when few are under way."""
TASK = 1_900_000
"""What one action may be told, and what a run may give: a payload without its frame."""
ORDERS = 250
"""Actions that begin in the same workflow task, which must not keep its worker for long."""
AT_A_TIME = 2 << 20
"""What those are told together."""
INPUT = 1536 * 1024
"""What a run is started with: its Plan, its inputs, and the people who may answer."""
GIVEN = 200_000
"""The inputs of a run together, and its outputs."""
OUTPUT = 512 * 1024
"""One value that a step gives to later ones."""
REQUEST = 400_000
"""The changes that a person is asked about at once."""
LEDGER = 750_000
"""All that a run has changed, with the ways back."""


def size_of(value: Any) -> int:
    """About how many bytes `value`, a dataclass or plain data, has as JSON; never much less than it is."""
    match value:
        case str():
            # ASCII may need an escape here and there; control characters need six bytes.
            return len(value) + 2 if value.isascii() and value.isprintable() else len(json.dumps(value))
        case Mapping():
            return 2 + sum(size_of(key) + size_of(held) + 2 for key, held in value.items())
        case list() | tuple():
            return 2 + sum(size_of(held) + 1 for held in value)
        case None | bool():
            return 5
        case int() | float():
            return len(repr(value))
    if is_dataclass(value):
        # Fields at their default are not written, and those are nearly always the empty ones.
        held = ((each.name, getattr(value, each.name)) for each in fields(value))
        return 2 + sum(len(name) + 4 + size_of(part) for name, part in held if part)
    return len(str(value)) + 2


def in_words(size: int) -> str:
    """`size` bytes for a person: `1.4 MB`, `380 kB`."""
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{size / 1e3:.0f} kB"


def filling(events: int, size: int, ledger: int = 0) -> str:
    """Why a run whose history has so many events and bytes, and whose ledger so many bytes, begins nothing
    new; empty while it may."""
    if events >= EVENTS:
        return f"its history holds {events:,} events, and Temporal ends a run at 51,200"
    if size >= HISTORY:
        return f"its history holds {in_words(size)}, and Temporal ends a run at 52.4 MB"
    if ledger >= LEDGER:
        return f"its ledger holds {in_words(ledger)}, and more could not be taken back by another run"
    return ""
