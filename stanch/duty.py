"""Who is on duty: groups, on-call schedules and business hours of a policy, as data for a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stanch.contract import Ladder, Rung, Shift
from stanch.language.duration import parse_duration
from stanch.language.plan import Json

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD = 21
"""Days for which a run pins its business hours when it starts."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Business hours: on `days` (0 is Monday) from `start` to `end`, minutes of the day in `zone`."""

    zone: str
    days: tuple[int, ...]
    start: int
    end: int

    def ahead(self, at: float) -> tuple[tuple[float, float], ...]:
        """The hours around and after the moment `at`, as moments from and to."""
        zone = ZoneInfo(self.zone)
        first = datetime.fromtimestamp(at, zone).date() - timedelta(days=1)
        days = (first + timedelta(days=number) for number in range(AHEAD + 2))
        return tuple(
            (_moment_of(day, self.start, zone), _moment_of(day, self.end, zone))
            for day in days
            if day.weekday() in self.days
        )


def read_hours(spec: Json) -> Hours | None:
    if not spec:
        return None
    days = tuple(DAYS.index(day) for day in spec.get("days", DAYS[:5]))
    return Hours(spec["zone"], days, minutes(spec["from"]), minutes(spec["to"]))


def read_people(spec: Json) -> dict[str, tuple[str, ...]]:
    """Of roles or groups: a name alone is a list of one."""
    return {name: (held,) if isinstance(held, str) else tuple(held) for name, held in spec.items()}


def read_schedules(spec: Json) -> dict[str, tuple[Shift, ...]]:
    return {name: tuple(_shifts(held)) for name, held in spec.items()}


def read_ladder(spec: Json) -> Ladder:
    rungs = [
        Rung(
            after=parse_duration(rung["after"]),
            page=rung["page"],
            remind=parse_duration(rung.get("remind", "0s")),
            hours=rung.get("hours", ""),
        )
        for rung in spec["rungs"]
    ]
    return Ladder(
        rungs=tuple(sorted(rungs, key=lambda rung: rung.after)),
        silence_after=parse_duration(spec["silence"]["after"]),
        silence_then=spec["silence"]["then"],
        patience=parse_duration(spec.get("patience", "10m")),
    )


def reachable(
    names: Iterable[str], groups: Mapping[str, tuple[str, ...]], roles: Mapping[str, tuple[str, ...]]
) -> set[str]:
    """The names, and those that stand for them in roles and groups."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += (*roles.get(name, ()), *groups.get(name, ()))
    return found


def minutes(text: str) -> int:
    """`09:30` as minutes of the day; `24:00` is its end."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def moment(text: str) -> float:
    """Seconds since the epoch; a date is its first moment in UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _shifts(spec: Json) -> Iterator[Shift]:
    if isinstance(spec, str):
        yield Shift(spec)
        return
    for shift in spec:
        start, end = (moment(shift[word]) if word in shift else 0.0 for word in ("from", "until"))
        yield Shift(shift["person"], start, end)


def _moment_of(day: date, minute: int, zone: ZoneInfo) -> float:
    # The wall clock decides, so that nine o'clock is nine o'clock on the day of a change to summer time too.
    day, minute = (day + timedelta(days=1), 0) if minute == 24 * 60 else (day, minute)
    return datetime.combine(day, time(minute // 60, minute % 60), zone).timestamp()
