"""The line that a diagnostic shows, with marks under the very columns of a terminal."""

from __future__ import annotations

import unicodedata

import pytest

from stanch.language.diagnostics import Diagnostic, Related, Severity
from stanch.language.render.text import render_text
from stanch.language.source import Span

MIB = 1 << 20


def excerpt(line: str, start: int, end: int) -> tuple[str, str]:
    """What is shown of a line, and the marks below, for its characters from `start` up to `end`."""
    span = Span(1, start + 1, 1, end + 1)
    found = Diagnostic("RB301", Severity.ERROR, "it is wrong", "a.yaml", span)
    rows = render_text([found], {"a.yaml": line}, colour=False).splitlines()
    assert all(row.startswith(head) for row, head in zip(rows[2:5], ("  |", "1 | ", "  | "), strict=True))
    return rows[3][4:], rows[4][4:]


def cells(text: str) -> list[str]:
    """`text` as a terminal lays it out: what stands in each column. Knows the characters of these tests."""
    laid: list[str] = []
    for char in text:
        if unicodedata.category(char) == "Mn" or "\u1160" <= char <= "\u11ff":
            laid[-1] += char
        else:
            wide = unicodedata.east_asian_width(char) in "WF"
            laid += [char, ""] if wide else [char]
    return laid


@pytest.mark.parametrize(
    ("before", "columns"),
    [
        ("key: ", 5),
        ("日本: ", 6),
        ("ｶﾀｶﾅ: ", 6),
        ("\uff21\uff22: ", 6),
        ("한글: ", 6),
        ("\u1112\u1161\u11ab: ", 4),
        ("e\u0301a\u0308: ", 4),
        ("ที่: ", 3),
        ("👍: ", 4),
        ("☎\ufe0f: ", 3),
        ("\u3000", 2),
        ("\u00a0", 1),
        ("key:\t", 5),
        ("\t\t", 2),
        ("a\u200db ", 4),
        ("\u202eab ", 4),
        ("\x07 ", 2),
        ("\U0003fffd ", 2),
    ],
)
def test_the_marks_begin_in_the_column_where_the_mistake_is_seen(before: str, columns: int) -> None:
    shown, marks = excerpt(f"{before}wrong # 日本", len(before), len(before) + 5)
    assert marks == " " * columns + "^^^^^"
    assert "wrong # 日本" in shown


@pytest.mark.parametrize(
    ("marked", "columns"),
    [("日本", 4), ("e\u0301", 1), ("\u0301", 1), ("", 1), ("👍👍", 4), ("\t", 1), ("a\u3000b", 4)],
)
def test_there_are_as_many_marks_as_the_mistake_has_columns(marked: str, columns: int) -> None:
    assert excerpt(f"k: {marked} x", 3, 3 + len(marked))[1] == "   " + "^" * columns


@pytest.mark.parametrize(
    "filler", ["x", "日", "e\u0301", "ที่", "\t"], ids=["x", "wide", "accents", "thai", "tabs"]
)
@pytest.mark.parametrize("at", [0, 10, 59, 60, 61, 500, MIB // 8])
def test_of_a_very_long_line_only_what_is_around_the_mistake_is_shown(filler: str, at: int) -> None:
    before = filler * at
    line = f"{before}HERE{filler * (MIB // 4)}"
    shown, marks = excerpt(line, len(before), len(before) + 4)
    laid = cells(shown)
    assert len(laid) <= 150
    assert "".join(laid[marks.index("^") : marks.rindex("^") + 1]) == "HERE"
    assert shown.startswith("...") or at <= 60
    assert not shown.startswith("...") or at > 10
    assert shown.endswith("...")


def test_a_mistake_longer_than_the_line_shown_is_marked_to_its_edge() -> None:
    shown, marks = excerpt("k: " + "x" * 5000, 3, 5003)
    assert (len(shown), marks) == (143, "   " + "^" * 137)


def test_a_line_is_long_when_it_has_many_columns() -> None:
    shown, marks = excerpt("日" * 100 + "HERE", 100, 104)
    assert len(cells(shown)) <= 150
    assert marks == " " * 63 + "^^^^"


def test_a_heap_of_accents_does_not_make_an_endless_line() -> None:
    shown, _ = excerpt("k: e" + "\u0301" * MIB, 3, 4)
    assert len(shown) < 200


def test_a_cut_does_not_leave_an_accent_without_its_letter() -> None:
    """It would be drawn over the dots."""
    line = "e\u0301" * 300 + "HERE"
    for at in range(598, 604):
        shown, _ = excerpt(line, at, at + 1)
        assert unicodedata.category(shown[3]) != "Mn"


def test_a_mistake_of_several_lines_is_marked_to_the_end_of_its_first() -> None:
    found = Diagnostic("RB301", Severity.ERROR, "m", "a.yaml", Span(1, 4, 3, 2))
    rows = render_text([found], {"a.yaml": "k: [a,  \n b,\n c]"}, colour=False).splitlines()
    assert rows[4] == "  |    ^^^"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str) -> None:
    found = Diagnostic("RB301", Severity.ERROR, "m", "a.yaml", Span(2, 1, 2, 4))
    rows = render_text([found], {"a.yaml": f"\ufeffone{end}two{end}"}, colour=False).splitlines()
    assert rows[3:] == ["2 | two", "  | ^^^"]


def test_the_places_that_explain_are_named_beside_the_marks() -> None:
    related = (Related(Span(8, 1, 8, 2), "first here"), Related(Span(9, 1, 9, 2), "and here"))
    found = Diagnostic("RB105", Severity.ERROR, "m", "a.yaml", Span(1, 1, 1, 2), related)
    rows = render_text([found], {"a.yaml": "k: v"}, colour=False).splitlines()
    assert rows[4] == "  | ^ first here at line 8; and here at line 9"
