"""Series as one line of text: how it went, its lowest and highest value, its newest."""

from __future__ import annotations

import math

from stanch.language.duration import format_duration
from stanch.language.plan import Json
from stanch.language.render.series import Series, count_in, extremes, series_in, split

BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.-=+*%#"
"""The same eight heights where a terminal has no blocks."""
_ASCII = str.maketrans(BLOCKS, _PLAIN)
WIDTH = 32
_NARROW = 16
"""Columns of each, when a line has several."""
_MOST = 3


def sparkline(series: Series, width: int = WIDTH) -> str:
    """At most `width` (from 2 on) columns, from its lowest to its highest value; a hole is a space. Empty
    without points."""
    if not series.points:
        return ""
    values = [value for _, value in series.points]
    low, high = min(values), max(values)
    return "".join(" " if each is None else _block(each, low, high) for each in _columns(series, width))


def plain(text: str) -> str:
    """`text` with ASCII for the blocks of a sparkline."""
    return text.translate(_ASCII)


def summary(value: Json) -> str | None:
    """A line about `value` if it is series, such as `▁▂▇█ 0.01 .. 0.31, last 0.28, 61 points in 1h`."""
    count = count_in(value)
    if not count:
        return None
    shown = series_in(value, _MOST)
    told = "; ".join(_told(each, WIDTH if count == 1 else _NARROW) for each in shown)
    return f"{told}; and {count - _MOST} more series" if count > _MOST else told


def number(value: float) -> str:
    """To four digits."""
    return f"{value:.4g}"


def _told(series: Series, width: int) -> str:
    """One alone needs no name: that of its output says enough."""
    name = f"{series.name[:60]} " if series.name and width < WIDTH else ""
    if not series.points:
        return f"{name}no points"
    values = [value for _, value in series.points]
    line = sparkline(series, width)
    if len(values) == 1:
        return f"{name}{line} {number(values[0])}, 1 point"
    over = format_duration(round(series.points[-1][0] - series.points[0][0]))
    ends = f"{number(min(values))} .. {number(max(values))}, last {number(values[-1])}"
    return f"{name}{line} {ends}, {len(values):,} points in {over}"


def _block(value: float, low: float, high: float) -> str:
    if low == high:
        return BLOCKS[len(BLOCKS) // 2 - 1]
    return BLOCKS[min(int(share(value, low, high) * len(BLOCKS)), len(BLOCKS) - 1)]


def share(value: float, low: float, high: float) -> float:
    """How far up `value` is between two that differ, from 0 to 1."""
    if math.isinf(high - low):  # the difference of two finite numbers may not be one
        value, low, high = value / 2, low / 2, high / 2
    return (value - low) / (high - low)


def _columns(series: Series, width: int) -> list[float | None]:
    """A value a column: of each point if there is room, else of each stretch of time both its extremes."""
    if (placed := _places(series, width)) is not None:
        found: list[float | None] = [None] * (placed[-1] + 1)
        for place, (_, value) in zip(placed, series.points, strict=True):
            found[place] = value
        return found
    pairs = (extremes(part) if part else (None, None) for part in split(series.points, width // 2))
    return [end[1] if end else None for pair in pairs for end in pair]


def _places(series: Series, width: int) -> list[int] | None:
    """A column for each point, by its moment; None where `width` has no room, or two would share one."""
    begin, span = series.points[0][0], series.points[-1][0] - series.points[0][0]
    if not span:
        return [0] if len(series.points) == 1 else None
    if span >= (width - 0.5) * series.spacing:
        return None
    places = [round((at - begin) / series.spacing) for at, _ in series.points]
    return places if len(set(places)) == len(places) else None
