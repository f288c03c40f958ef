"""Series as one inline SVG: no script, no style sheet, nothing that is fetched.

Labels come from alerts and from whoever names a metric, so all text is escaped, and of no text but numbers
made here becomes an attribute.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from stanch.language.plan import Json
from stanch.language.render.series import Point, Series, count_in, reduced, series_in
from stanch.language.render.sparkline import number, share

WIDTH, HEIGHT = 480, 180
"""So small that its text can be read on a phone; it grows with its place."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 8, 10, 20
_MOST = 6
_LINE = 16
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
_DASHES = ("", "6 3", "2 3", "9 3 2 3", "1 4", "12 4")
"""Beside the colours, for who cannot tell them apart."""
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plot(value: Json, title: str) -> str:
    """`<svg>` of the series that `value` is, at most six of them; empty when it is none, or has no points."""
    shown = [each for each in series_in(value, _MOST) if each.points]
    if not shown:
        return ""
    notes = [each.name for each in shown] if len(shown) > 1 or shown[0].name else []
    if (more := count_in(value) - _MOST) > 0:
        notes.append(f"and {more} more series")
    height = HEIGHT + _LINE * len(notes)
    frame = f'viewBox="0 0 {WIDTH} {height}" width="100%" role="img" font-family="sans-serif" font-size="14"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} fill="none">',
        f"<title>{_text(title)}</title>",
        *_axes(shown),
        *_lines(shown),
        *_legend(notes, len(shown)),
        "</svg>",
    ]
    return "\n".join(parts)


def _axes(shown: Sequence[Series]) -> Iterator[str]:
    """The lowest and highest value at their height, the first and last moment below."""
    (begin, end), (low, high) = _bounds(shown)
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    yield f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" stroke="#8c959f"/>'
    if low == high:
        yield _label(_LEFT - 6, (_TOP + bottom) / 2 + 4, number(low), "end")
    else:
        yield f'<path d="M{_LEFT} {_TOP}H{right}" stroke="#d0d7de"/>'
        yield _label(_LEFT - 6, _TOP + 4, number(high), "end")
        yield _label(_LEFT - 6, bottom, number(low), "end")
    far = end - begin >= 86400
    yield _label(_LEFT, HEIGHT - 4, _moment(begin, far=True), "start")
    if end > begin:
        yield _label(right, HEIGHT - 4, _moment(end, far=far), "end")


def _lines(shown: Sequence[Series]) -> Iterator[str]:
    (begin, end), (low, high) = _bounds(shown)

    def place(point: Point) -> str:
        along = (point[0] - begin) / (end - begin) if end > begin else 0.5
        up = share(point[1], low, high) if high > low else 0.5
        across = _LEFT + along * (WIDTH - _LEFT - _RIGHT)
        return f"{across:.1f} {HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM):.1f}"

    room = WIDTH - _LEFT - _RIGHT
    for at, each in enumerate(shown):
        dash = f' stroke-dasharray="{_DASHES[at]}"' if _DASHES[at] else ""
        path = []
        for stretch in each.stretches:
            # A part of the width is enough for a part of the points, but two at least.
            most = max(2, room * len(stretch) // len(each.points))
            first, *rest = [place(point) for point in reduced(stretch, most)]
            # A stretch of one point is a dot, by the round ends of a line of no length.
            path.append(f"M{first}" + ("".join(f"L{point}" for point in rest) or f"L{first}"))
        yield (
            f'<path d="{"".join(path)}" stroke="{_COLOURS[at]}" stroke-width="2" stroke-linecap="round" '
            f'stroke-linejoin="round"{dash}/>'
        )


def _legend(notes: Sequence[str], lines: int) -> Iterator[str]:
    for at, note in enumerate(notes):
        y = HEIGHT + _LINE * at + 10
        if at < lines:
            dash = f' stroke-dasharray="{_DASHES[at]}"' if _DASHES[at] else ""
            yield f'<path d="M{_LEFT} {y - 4}h24" stroke="{_COLOURS[at]}" stroke-width="2"{dash}/>'
        yield _label(_LEFT + 32, y, note, "start")


def _bounds(shown: Sequence[Series]) -> tuple[tuple[float, float], tuple[float, float]]:
    moments = [at for each in shown for at in (each.points[0][0], each.points[-1][0])]
    values = [value for each in shown for _, value in each.points]
    return (min(moments), max(moments)), (min(values), max(values))


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="currentColor">{_text(text)}</text>'


def _moment(at: float, *, far: bool) -> str:
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return moment.strftime("%Y-%m-%d %H:%M UTC" if far else "%H:%M UTC")


def _text(text: str) -> str:
    """Outside text for a place between tags; what turns or hides text, or is none in XML, is left out."""
    return escape("".join(char for char in text[:120] if unicodedata.category(char) not in _STEERING))
