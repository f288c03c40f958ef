"""Durations as people write them: `30s`, `5m`, `1h30m`, `500ms`, `2d`. Internally they are seconds."""

from __future__ import annotations

import re
from functools import lru_cache

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[dhms]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError with what a duration looks like."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"`{text}` is not a duration such as `30s`, `5m` or `1h30m`")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """The shortest spelling that `parse_duration` reads back, to the millisecond: `90` -> `1m30s`."""
    left = round(seconds * 1000)
    if left <= 0:
        return "0s" if left == 0 else "-" + format_duration(-seconds)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
