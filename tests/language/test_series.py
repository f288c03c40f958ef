"""Series: what is one, and how they become a line of text and a picture."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.language.plan import Json
from stanch.language.render.plot import plot
from stanch.language.render.results import line_of
from stanch.language.render.series import Series, count_in, reduced, series_in
from stanch.language.render.sparkline import BLOCKS, plain, sparkline, summary

HOUR = [[1_795_420_800.0 + 60 * minute, 0.01 * minute] for minute in range(61)]

moments = st.floats(-1e11, 1e11)
values = st.floats(allow_nan=False, allow_infinity=False)
points = st.lists(st.tuples(moments, values), min_size=1, max_size=200).map(lambda each: tuple(sorted(each)))


def one(*given: Any, **labels: str) -> dict[str, Json]:
    return {"labels": labels, "points": [list(each) for each in given]}


# --- what is a series -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (one((0, 1)), 1),
        ({"points": [[0, 1]]}, 1),
        ({"points": []}, 1),
        ([one((0, 1)), one((0, 2))], 2),
        ({"query": "up", "series": [one((0, 1))], "step": 60.0}, 1),
        ([], 0),
        ({"series": []}, 0),
        ({"series": [{"labels": {}, "value": 1.0}]}, 0),
        ({"points": 12}, 0),
        ({"points": [1, 2]}, 0),
        ({"points": [["soon", 2]]}, 0),
        ({"labels": "x", "points": [[0, 1]]}, 0),
        ([one((0, 1)), "text"], 0),
        ("points", 0),
        (None, 0),
    ],
)
def test_a_series_is_known_by_its_shape(value: Json, count: int) -> None:
    assert (count_in(value), len(series_in(value))) == (count, count)


def test_what_is_no_finite_number_is_a_hole() -> None:
    (series,) = series_in(one((0, 1), (1, math.nan), (2, math.inf), (3, None), (4, "x"), (5, True), (6, 2)))
    assert series.points == ((0.0, 1.0), (6.0, 2.0))


def test_only_labels_that_differ_make_the_name() -> None:
    found = series_in([one((0, 1), job="a", service="api"), one((0, 1), job="a", service="web")])
    assert [each.name for each in found] == ["service=api", "service=web"]


@given(points, st.integers(2, 50))
def test_a_reduction_keeps_the_extremes_and_the_order(
    given: tuple[tuple[float, float], ...], most: int
) -> None:
    kept = reduced(given, most)
    assert len(kept) <= most
    assert set(kept) <= set(given)
    assert [at for at, _ in kept] == sorted(at for at, _ in kept)
    for extreme in (min, max):
        assert extreme(value for _, value in kept) == extreme(value for _, value in given)


# --- a line of text ---------------------------------------------------------------------------------------


def test_an_hour_is_a_line_with_its_ends() -> None:
    line = "▁▁▁▁▂▂▂▂▃▃▃▃▄▄▄▄▅▅▅▅▆▆▆▆▇▇▇▇████"
    assert summary({"labels": {}, "points": HOUR}) == f"{line} 0 .. 0.6, last 0.6, 61 points in 1h"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (one(), "no points"),
        (one((0, 7)), "▄ 7, 1 point"),
        (one((0, 7), (60, 7), (120, 7)), "▄▄▄ 7 .. 7, last 7, 3 points in 2m"),
        (one((0, 0), (60, 7), (240, 0)), "▁█  ▁ 0 .. 7, last 0, 3 points in 4m"),
        ([one((0, 1), s="a"), one((0, 2), s="b")], "s=a ▄ 1, 1 point; s=b ▄ 2, 1 point"),
        ([one((0, 1))] * 5, "▄ 1, 1 point; ▄ 1, 1 point; ▄ 1, 1 point; and 2 more series"),
        ("7", None),
    ],
)
def test_series_as_a_line(value: Json, line: str | None) -> None:
    assert summary(value) == line


def test_ten_thousand_points_keep_their_one_spike() -> None:
    many = [(float(at), 1000.0 if at == 6789 else math.sin(at)) for at in range(10_000)]
    line = sparkline(Series("", tuple(many)))
    assert len(line) == 32
    assert line.count("█") == 1
    assert set(line) == {"▁", "█"}


@given(points, st.integers(2, 60))
def test_a_line_fits_and_shows_both_ends(given: tuple[tuple[float, float], ...], width: int) -> None:
    line = sparkline(Series("", given), width)
    assert 1 <= len(line) <= width
    assert set(line) <= {*BLOCKS, " "}
    found = {value for _, value in given}
    if len(found) > 1:
        assert {"▁", "█"} <= set(line)


def test_a_terminal_without_blocks_has_the_same_heights() -> None:
    assert plain(f"a {BLOCKS} b") == "a _.-=+*%# b"


# --- a picture --------------------------------------------------------------------------------------------


def test_an_hour_as_a_picture() -> None:
    """Whole, so that any change of it is looked at."""
    svg = plot([one((0, 0), (60, 4), (120, 2), s="a"), one((0, 1), s="b<")], "latency & more")
    assert svg.splitlines() == [
        (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 212" width="100%" role="img" '
            'font-family="sans-serif" font-size="14" fill="none">'
        ),
        "<title>latency &amp; more</title>",
        '<path d="M70 10V160H472" stroke="#8c959f"/>',
        '<path d="M70 10H472" stroke="#d0d7de"/>',
        '<text x="64" y="14" text-anchor="end" fill="currentColor">4</text>',
        '<text x="64" y="160" text-anchor="end" fill="currentColor">0</text>',
        '<text x="70" y="176" text-anchor="start" fill="currentColor">1970-01-01 00:00 UTC</text>',
        '<text x="472" y="176" text-anchor="end" fill="currentColor">00:02 UTC</text>',
        (
            '<path d="M70.0 160.0L271.0 10.0L472.0 85.0" stroke="#1f6feb" stroke-width="2" '
            'stroke-linecap="round" stroke-linejoin="round"/>'
        ),
        (
            '<path d="M70.0 122.5L70.0 122.5" stroke="#d1242f" stroke-width="2" stroke-linecap="round" '
            'stroke-linejoin="round" stroke-dasharray="6 3"/>'
        ),
        '<path d="M70 186h24" stroke="#1f6feb" stroke-width="2"/>',
        '<text x="102" y="190" text-anchor="start" fill="currentColor">s=a</text>',
        '<path d="M70 202h24" stroke="#d1242f" stroke-width="2" stroke-dasharray="6 3"/>',
        '<text x="102" y="206" text-anchor="start" fill="currentColor">s=b&lt;</text>',
        "</svg>",
    ]


def test_what_has_no_points_is_no_picture() -> None:
    assert plot(one(), "x") == plot("7", "x") == plot({"series": []}, "x") == ""


def test_a_hole_interrupts_the_line() -> None:
    svg = plot(one((0, 0), (60, 1), (120, 1), (300, 0), (360, 0)), "x")
    (path,) = re.findall(r'<path d="(M[^"]*L[^"]*)"', svg)
    assert path.count("M") == 2


def test_ten_thousand_points_are_drawn_as_many_as_there_is_room_for() -> None:
    many = one(*((float(at), 50.0 if at == 6789 else math.sin(at)) for at in range(10_000)))
    svg = plot(many, "x")
    assert len(svg) < 9_000
    assert " 10.0L" in svg, "the spike reaches the top"


HOSTILE = "</text><script>alert(1)</script>\" onload='x' \x00\x1b[2J\u202e]]>&lt;"


@given(st.text(), st.text(), points)
def test_no_text_gets_out_of_its_place(name: str, value: str, given: tuple[tuple[float, float], ...]) -> None:
    label = {f"{HOSTILE}{name}": f"{value}{HOSTILE}"}
    svg = plot([{"labels": label, "points": [list(each) for each in given]}] * 2, f"{value}{HOSTILE}")
    found = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(svg).iter()}  # noqa: S314
    assert found <= {"svg", "title", "path", "text"}
    inside = {word for each in ElementTree.fromstring(svg).iter() for word in each.attrib}  # noqa: S314
    assert not any(word.startswith("on") or word in ("href", "style") for word in inside)
    assert "nan" not in svg.replace(f"{name}{value}", "").lower() or "nan" in f"{name}{value}".lower()


# --- what actions gave ------------------------------------------------------------------------------------

HTTP = {"method": "GET", "url": "https://x/y?token=1", "status": 503, "accepted": False, "seconds": 0.25}
TLS = {"to": "x:443", "trusted": True, "error": "", "days_left": 12.34, "issuer": "CN=R3"}
LOG = {"at": 1.0, "line": "it\nbroke", "labels": {}}


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (HTTP, "GET https://x/y: 503 in 250 ms"),
        (
            HTTP | {"pages": 2, "count": 1, "truncated": True},
            "GET https://x/y: 503 in 250 ms, 1 item on 2 pages, and there is more",
        ),
        (TLS, "x:443: trusted, 12.34 days left, issued by CN=R3"),
        (
            TLS | {"trusted": False, "error": "it has expired"},
            "x:443: NOT TRUSTED (it has expired), 12.34 days left, issued by CN=R3",
        ),
        ({"to": "x:1", "open": True, "seconds": 0.001, "error": "", "banner": ""}, "x:1: open in 1 ms"),
        (
            [
                {"to": f"x:{at}", "open": False, "seconds": 0.1, "error": "refused", "banner": ""}
                for at in range(6)
            ],
            "; ".join(f"x:{at}: NOT OPEN (refused) after 100 ms" for at in range(4)) + "; and 2 more",
        ),
        (
            {
                "answers": [
                    {"name": "www", "type": "A", "ttl": 60, "values": ["192.0.2.1"], "target": ""},
                    {"name": "old", "type": "A", "ttl": 0, "values": [], "target": ""},
                ],
                "changed": False,
                "old_ttl": 0,
            },
            "www A 192.0.2.1 (ttl 60); old has no A",
        ),
        ({"lines": [LOG], "count": 1, "truncated": False}, "1 line, the newest: it broke"),
        ({"lines": [LOG] * 2, "count": 2, "truncated": True}, "2 lines or more, the newest: it broke"),
        ({"lines": [], "count": 0, "truncated": False}, "no lines"),
        (
            {"database": "shop", "columns": ["n"], "rows": [{"n": 7}], "count": 1, "truncated": False},
            "shop: 1 row: n is 7",
        ),
        (
            {
                "database": "shop",
                "columns": ["pid", "q"],
                "rows": [{"pid": 1, "q": "select"}, {"pid": 2, "q": None}],
                "count": 2,
            },
            "shop: 2 rows: pid=1, q=select; pid=2, q=null",
        ),
        ({"query": "up", "type": "vector", "series": [{"labels": {}, "value": 0.5}], "value": 0.5}, "0.5"),
        (
            {
                "query": "up",
                "type": "vector",
                "series": [
                    {"labels": {"__name__": "up", "job": "a"}, "value": 1.0},
                    {"labels": {"job": "b"}, "special": "NaN"},
                ],
            },
            "job=a 1; job=b NaN",
        ),
        ({"query": "up", "type": "vector", "series": []}, "no series"),
        ({"host": "web1", "rc": 0, "stdout": "a\nb\n", "stderr": ""}, "web1: b"),
        ({"rc": 3, "stdout": "", "stderr": "no such file\n"}, "exit status 3: no such file"),
        ({"rc": 0, "stdout": "", "stderr": ""}, "done, and said nothing"),
        ({"lines": 3, "count": 1, "truncated": False}, None),
        ({"json": {}}, None),
        ([TLS, 7], None),
        ([], None),
        ("text", None),
    ],
)
def test_what_an_action_gave_is_one_line(value: Json, line: str | None) -> None:
    assert line_of(value) == line
