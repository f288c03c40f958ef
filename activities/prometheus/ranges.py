"""A range query of Prometheus: which moments are asked about, and its samples as series that one can plot."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stanch.errors import ActionRefused, InvalidInput
from stanch.language.duration import format_duration, parse_duration
from stanch.language.plan import Json

POINTS = 1500
"""A series: a day by the minute."""
SERIES = 50
ALL_POINTS = 10_000
"""About 300 kB of history, and within what a step may give to later ones."""
_USUAL = 60
"""Points of a range that names no step."""


@dataclass(frozen=True, slots=True)
class Range:
    """Moments in seconds since the epoch, both included; `step` in seconds."""

    start: float
    end: float
    step: float

    def fields(self) -> dict[str, str]:
        """As `/api/v1/query_range` wants them."""
        return {"start": _plain(self.start), "end": _plain(self.end), "step": _plain(self.step)}


def read_range(given: Mapping[str, Json]) -> Range:
    """What `range` of a step means now. Raises InvalidInput when it is none, or has too many points."""
    end = _moment(given["end"]) if "end" in given else round(time.time(), 3)
    start = _moment(given["start"]) if "start" in given else end - _seconds("last", given["last"])
    if not start < end:
        raise InvalidInput("`range` ends before it starts")
    step = _seconds("step", given["step"]) if "step" in given else max(1.0, math.ceil((end - start) / _USUAL))
    if (count := math.floor((end - start) / step) + 1) > POINTS:
        fits = format_duration(math.ceil((end - start) / (POINTS - 1)))
        raise InvalidInput(
            f"`range` asks for {count:,} points a series, and {POINTS:,} is the most; "
            f"make `step` {fits} at least"
        )
    return Range(start, end, step)


def series_of(found: list[Json], query: str) -> list[dict[str, Json]]:
    """The series of a matrix, in the order of Prometheus. Raises InvalidInput and ActionRefused."""
    if any("values" not in one for one in found):
        raise InvalidInput("the query gives native histograms; put `histogram_quantile()` around it")
    count = sum(len(one["values"]) for one in found)
    if len(found) > SERIES or count > ALL_POINTS:
        raise ActionRefused(
            f"the query gave {len(found):,} series with {count:,} points, and {SERIES} with {ALL_POINTS:,} "
            f"are the most; aggregate the series, or make `step` longer: {query}"
        )
    return [_series(one) for one in found]


def _series(one: Mapping[str, Json]) -> dict[str, Json]:
    """What JSON has no number for is left out of the points, as a hole, and counted."""
    samples = [(float(at), float(value)) for at, value in one["values"]]
    points = [[at, value] for at, value in samples if math.isfinite(value)]
    told: dict[str, Json] = {"labels": one["metric"], "points": points}
    if points:
        values = [value for _, value in points]
        told |= {"min": min(values), "max": max(values), "first": values[0], "last": values[-1]}
    if holes := len(samples) - len(points):
        told["not_finite"] = holes
    if not points and samples:
        told["special"] = one["values"][-1][1]
    return told


def _seconds(word: str, text: Json) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise InvalidInput(f"`range.{word}`: {error}") from None
    if seconds < 1:
        raise InvalidInput(f"`range.{word}` is shorter than a second")
    return seconds


def _moment(value: Json) -> float:
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidInput(f"`range`: `{value}` is neither RFC 3339 nor seconds since the epoch") from None
    if moment.tzinfo is None:
        raise InvalidInput(f"`range`: `{value}` says no time zone; end it with `Z` for UTC")
    return moment.timestamp()


def _plain(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")
