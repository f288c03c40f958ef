"""Moments and durations: how they are read, and their parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from stanch.language.cel.frame import Failed, Frame
from stanch.language.cel.operators import Overloads, moment, span
from stanch.language.cel.values import SECOND, Moment, Span

_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.(\d{1,18}))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_UNITS = {
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": SECOND // 1000,
    "us": SECOND // 1_000_000,
    "ns": 1,
}
_PART = re.compile(r"(\d*)(?:\.(\d*))?(ms|us|ns|[hms])", re.ASCII)
_OFFSET = re.compile(r"([+-]?)(\d{1,2}):(\d\d)", re.ASCII)
_ZONE = re.compile(r"[A-Za-z][\w+-]{0,30}(?:/[A-Za-z][\w+-]{0,30}){0,2}", re.ASCII)
_OF_THE_MACHINE = frozenset({"localtime", "posixrules"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 100


def read_moment(text: str) -> Moment:
    """RFC 3339, such as `2026-11-23T10:00:00Z`. Raises Failed."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise _unread(text, "a moment such as `2026-11-23T10:00:00Z`")
    day, minute, second, fraction, _, sign, hours, minutes = found.groups()
    try:
        # 60 is a leap second: the first one of the next minute.
        whole = datetime.fromisoformat(f"{day}T{minute}+00:00") + timedelta(seconds=int(second))
    except (ValueError, OverflowError):
        whole = None
    if whole is None or int(second) > 60 or (hours and (int(hours) > 23 or int(minutes) > 59)):
        raise _unread(text, "a moment such as `2026-11-23T10:00:00Z`")
    offset = 0 if hours is None else (int(hours) * 60 + int(minutes)) * 60 * (-1 if sign == "-" else 1)
    seconds = (whole - _EPOCH) // timedelta(seconds=1) - offset
    return moment(seconds * SECOND + int((fraction or "0").ljust(9, "0")[:9]))


def read_span(text: str) -> Span:
    """Numbers with `h m s ms us ns`, such as `1h30m`. Raises Failed."""
    sign, unsigned = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if unsigned == "0":
        return Span(0)
    total = at = 0
    while len(text) <= _LONGEST_TEXT and (part := _PART.match(unsigned, at)) is not None:
        whole, fraction, unit = part.groups()
        if not whole and not fraction:
            break
        total += int(whole or "0") * _UNITS[unit]
        total += int(fraction or "0") * _UNITS[unit] // 10 ** len(fraction or "")
        at = part.end()
    if not unsigned or at < len(unsigned):
        raise _unread(text, "a duration such as `1h30m` or `1.5s`")
    return span(sign * total)


def _unread(text: str, what: str) -> Failed:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return Failed(f"`{shown}` is not {what}")


@lru_cache(maxsize=64)
def zone(name: str) -> tuple[tzinfo, timedelta]:
    """A zone of the IANA tables, or an offset such as `+05:30`."""
    if not name:
        return UTC, timedelta()
    if (offset := _OFFSET.fullmatch(name)) is not None:
        sign, hours, minutes = offset.groups()
        shift = timedelta(hours=int(hours), minutes=int(minutes))
        return UTC, -shift if sign == "-" else shift
    if _ZONE.fullmatch(name) is not None and name not in _OF_THE_MACHINE:
        with suppress(ValueError, OSError, KeyError):
            return ZoneInfo(name), timedelta()
    raise _unread(name, "a time zone such as `Europe/Berlin` or `+05:30`")


def _there(value: Moment, name: str) -> datetime:
    """`value` on the clocks of the zone `name`."""
    tables, shift = zone(name)
    try:
        return (_EPOCH + timedelta(seconds=value.nanos // SECOND) + shift).astimezone(tables)
    except OverflowError:
        raise Failed("gives a moment outside of the years 1 to 9999") from None


def _part(read: Callable[[datetime], int]) -> Overloads:
    def of(_: Frame, value: Moment, zone_name: str = "") -> int:
        return read(_there(value, zone_name))

    return {(Moment,): of, (Moment, str): of}


def _of_span(unit: int) -> Callable[[Frame, Span], int]:
    """Whole units of all of it, towards zero."""
    return lambda _, value: abs(value.nanos) // unit * (1 if value.nanos >= 0 else -1)


def _milliseconds(_: Frame, value: Moment | Span, __: str = "") -> int:
    """Behind the seconds, and not of all of it."""
    whole = abs(value.nanos) if isinstance(value, Span) else value.nanos
    found = whole % SECOND // 1_000_000
    return -found if value.nanos < 0 and isinstance(value, Span) else found


METHODS: Mapping[str, Overloads] = {
    "getFullYear": _part(lambda there: there.year),
    "getMonth": _part(lambda there: there.month - 1),
    "getDate": _part(lambda there: there.day),
    "getDayOfMonth": _part(lambda there: there.day - 1),
    "getDayOfWeek": _part(lambda there: there.isoweekday() % 7),
    "getDayOfYear": _part(lambda there: there.timetuple().tm_yday - 1),
    "getHours": {**_part(lambda there: there.hour), (Span,): _of_span(3600 * SECOND)},
    "getMinutes": {**_part(lambda there: there.minute), (Span,): _of_span(60 * SECOND)},
    "getSeconds": {**_part(lambda there: there.second), (Span,): _of_span(SECOND)},
    "getMilliseconds": {
        (Moment,): _milliseconds,
        (Moment, str): _milliseconds,
        (Span,): _milliseconds,
    },
}


def from_seconds(_: Frame, seconds: int) -> Moment:
    return moment(seconds * SECOND)
