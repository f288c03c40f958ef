"""What is JSON and no data for an expression: CEL has whole numbers of 64 bits, cuts text at a NUL without a
word, and a Plan's values travel as UTF-8 JSON, which has no infinity.
"""

from __future__ import annotations

import math

from stanch.language.plan import Json

LARGEST = 2**64 - 1
SMALLEST = -(2**63)
MOST = 10_000
"""Values in all inputs of a run together; every list and object counts, too."""


def fault(value: Json) -> str | None:
    """Why a run cannot be given `value`, for behind its name; None when it can."""
    inner: list[Json] = [value]
    seen = 0
    while inner:
        held = inner.pop()
        seen += 1
        if seen + len(inner) > MOST:
            return f"is too large: more than {MOST:,} values"
        if isinstance(held, dict):
            inner += [*held, *held.values()]
        elif isinstance(held, list | tuple):
            inner += held
        elif reason := _scalar_fault(held):
            return reason
    return None


def _scalar_fault(value: Json) -> str | None:
    match value:
        case str() if "\0" in value:
            return "has a NUL character, which no text here can have"
        case str() if not is_unicode(value):
            return "is not valid Unicode"
        case int() if not SMALLEST <= value <= LARGEST:
            return "has a number that does not fit into 64 bits"
        case float() if not math.isfinite(value):
            return "has a number that is too large"
    return None


def is_unicode(text: str) -> bool:
    """False when it has half of a surrogate pair, as `"\\ud800"` in JSON has."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)
