"""Moments and lengths of time as a person reads them. Moments are seconds since the epoch, shown in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def clock(at: float) -> str:
    """`07:31:02`"""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def far_clock(at: float, now: float) -> str:
    """`07:31:02 UTC`; with its day when that is not the day of `now`."""
    same = datetime.fromtimestamp(at, UTC).date() == datetime.fromtimestamp(now, UTC).date()
    return f"{clock(at)} UTC" if same else day_clock(at)


def day_clock(at: float) -> str:
    """`2026-11-23 07:31:02 UTC`"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def length(seconds: float) -> str:
    """`0.3s`, `42s`, `3m05s`, `2h10m`, `3d04h`: two units at most."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def span(seconds: float) -> str:
    """`45 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`: for a sentence, two units at most, none of them zero."""
    whole = max(round(seconds), 0)
    for size, unit, smaller, small in _UNITS:
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
