"""Series of points in time among the values of a run: recognised here, by their shape, and nowhere else.

A series is a mapping with `points`, a list of `[seconds since the epoch, value]`, and as a rule `labels`, as
the action `prometheus` gives with `range`. A list of them, and a whole result that has one as `series`, are
series too. A value that is no finite number (null, for who writes such a list by hand) is a hole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeAlias, TypeGuard

from stanch.language.plan import Json

Point: TypeAlias = tuple[float, float]

_FARTHEST = 253_402_300_799.0
"""The last second of the year 9999; what is beyond is no moment, and no calendar could write it."""


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    """What tells it from the others of its list: `service=api`; empty without labels."""
    points: tuple[Point, ...]
    """Seconds since the epoch and finite values, in order of time."""

    @property
    def stretches(self) -> Iterator[tuple[Point, ...]]:
        """The points between holes: where the next is farther away than one and a half of the usual way."""
        if not self.points:
            return
        usual = self.spacing
        begun = 0
        for at, (one, other) in enumerate(pairwise(self.points), 1):
            if other[0] - one[0] > 1.5 * usual:
                yield self.points[begun:at]
                begun = at
        yield self.points[begun:]

    @property
    def spacing(self) -> float:
        """Seconds between two points, as a rule; 0.0 where there are no two."""
        ways = [other[0] - one[0] for one, other in pairwise(self.points) if other[0] > one[0]]
        return sorted(ways)[(len(ways) - 1) // 2] if ways else 0.0


def series_in(value: Json, most: int | None = None) -> tuple[Series, ...]:
    """The series that `value` is, at most `most` of them; none when it is something else."""
    found = _listed(value)
    if not found or not all(map(_is_series, found)):
        return ()
    shared = _shared(found)
    return tuple(_series(each, shared) for each in islice(found, most))


def count_in(value: Json) -> int:
    """How many series `value` is."""
    found = _listed(value)
    return len(found) if found and all(map(_is_series, found)) else 0


def reduced(points: Sequence[Point], most: int) -> list[Point]:
    """At most `most` (from 2 on) of the points, so chosen that no extreme is lost: of each stretch of time
    the lowest and the highest, in their order."""
    if len(points) <= most:
        return list(points)
    return [each for part in split(points, most // 2) if part for each in sorted({*extremes(part)})]


def split(points: Sequence[Point], parts: int) -> list[list[Point]]:
    """The points, at least one, by stretches of equally long time, which may be empty."""
    begin, span = points[0][0], points[-1][0] - points[0][0]
    found: list[list[Point]] = [[] for _ in range(parts)]
    for each in points:
        found[min(int((each[0] - begin) / span * parts), parts - 1) if span else 0].append(each)
    return found


def extremes(points: Sequence[Point]) -> tuple[Point, Point]:
    """The lowest and the highest, in order of time."""
    low, high = min(points, key=lambda each: each[1]), max(points, key=lambda each: each[1])
    return (low, high) if low <= high else (high, low)


def _listed(value: Json) -> Sequence[Json]:
    if isinstance(value, Mapping):
        inner = value.get("series")
        return inner if "points" not in value and isinstance(inner, list | tuple) else (value,)
    return value if isinstance(value, list | tuple) else ()


def _is_series(value: Json) -> TypeGuard[Mapping[str, Json]]:
    if not isinstance(value, Mapping) or not isinstance(value.get("labels", {}), Mapping):
        return False
    points = value.get("points")
    # The first tells of all: a point of another form further down is left out.
    return isinstance(points, list | tuple) and (not points or _is_pair(points[0]))


def _is_pair(point: Json) -> bool:
    return isinstance(point, list | tuple) and len(point) == 2 and _is_number(point[0])


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _series(value: Mapping[str, Json], shared: frozenset[str]) -> Series:
    points = sorted(
        (float(each[0]), float(each[1]))
        for each in value["points"]
        if _is_pair(each) and _is_number(each[1]) and math.isfinite(each[1]) and abs(each[0]) <= _FARTHEST
    )
    labels = value.get("labels", {})
    return Series(
        ", ".join(f"{name}={labels[name]}" for name in sorted(labels) if name not in shared), tuple(points)
    )


def _shared(found: Sequence[Mapping[str, Json]]) -> frozenset[str]:
    """The labels that all of several series have alike, and that so tell nothing."""
    if len(found) < 2:
        return frozenset()
    first, *rest = (each.get("labels", {}) for each in found)
    return frozenset(
        name for name, held in first.items() if all(name in each and each[name] == held for each in rest)
    )
