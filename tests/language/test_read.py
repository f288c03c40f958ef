"""YAML to a tree: what is refused by name, what scalars mean, and where things stand."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.language.diagnostics import Diagnostic, Report
from stanch.language.place import locate
from stanch.language.read import DEEPEST, LARGEST_FILE, MOST_ALIASED, read
from stanch.language.source import Source, Span
from stanch.language.tree import Mapping, Node, Scalar, plain


def parsed(content: str | bytes) -> tuple[Source, Node | None, list[Diagnostic]]:
    report = Report("x.yaml")
    source, node = read("x.yaml", content, report)
    return source, node, report.found


def data(content: str | bytes) -> object:
    _, node, found = parsed(content)
    assert found == []
    assert node is not None
    return plain(node)


def refused(content: str | bytes) -> list[str]:
    _, _, found = parsed(content)
    return [each.code for each in found]


# --- YAML 1.2 core ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("22:30", "22:30"),
        ("2026-11-01", "2026-11-01"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("-3", -3),
        ("+3", 3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.5.2", "1.5.2"),
        ("true", True),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'true'", "true"),
        ('"5"', "5"),
        ("=", "="),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_a_scalar_means_what_the_core_schema_says(written: str, value: object) -> None:
    found = data(f"key: {written}\n")
    assert isinstance(found, dict)
    assert found["key"] == value
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    "written", [".nan", ".inf", "-.INF", "1e999", "9223372036854775808", "9" * 5000, "0x" + "f" * 40]
)
def test_a_number_that_json_cannot_hold_is_refused(written: str) -> None:
    assert refused(f"key: {written}\n") == ["RB111"]


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("title: café".encode("latin-1"), "RB102"),
        ("a: b".encode("utf-16"), "RB102"),
        (b"\xff\xfe\x00\x00a", "RB102"),
        ("a: " + "x" * LARGEST_FILE, "RB103"),
        (b"\xff" * (LARGEST_FILE + 1), "RB103"),
        ("[" * 10_000, "RB104"),
        ("- " * 10_000 + "x", "RB104"),
        ("{a: " * 100 + "}" * 100, "RB104"),
        ("a: b\x00c", "RB110"),
        ("a: \x1b[31mred", "RB110"),
        ("a: \ud800", "RB110"),
        ("a: \ufffe", "RB110"),
        ("", "RB109"),
        ("# only a comment\n", "RB109"),
        ("null", "RB109"),
        ("a: 1\n---\nb: 2\n", "RB109"),
        ("a: *missing", "RB101"),
        ("a: &x [*x]", "RB107"),
        ("a: {b: &x {c: *x}}", "RB107"),
        ("%YAML 3.0\n---\na: b", "RB101"),
        ("a: !!python/object:os.system x", "RB106"),
        ("a: ! x", "RB106"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 12 else "",
)
def test_what_a_runbook_must_not_contain_is_refused_by_name(content: str | bytes, code: str) -> None:
    assert refused(content) == [code]


def test_aliases_are_read_up_to_a_bound() -> None:
    assert data("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 40)]
    begun = time.perf_counter()
    assert refused("\n".join(lines)) == ["RB107"]
    assert time.perf_counter() - begun < 5.0


def test_the_deepest_allowed_nesting_is_read() -> None:
    assert refused("[" * DEEPEST + "]" * DEEPEST) == []
    assert refused("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)) == ["RB104"]


def test_the_bound_on_aliases_counts_what_they_stand_for() -> None:
    big = ", ".join(["x"] * (MOST_ALIASED // 2))
    assert refused(f"a: &a [{big}]\nb: *a\n") == []
    assert refused(f"a: &a [{big}]\nb: *a\nc: *a\n") == ["RB107"]


@pytest.mark.parametrize(
    "content", ["x" * 900_000, "a: '" + "'" * 900_000, "{" * 60 + "a" * 900_000, "- \n" * 300_000]
)
def test_a_long_text_is_read_in_bounded_time(content: str) -> None:
    begun = time.perf_counter()
    parsed(content)
    assert time.perf_counter() - begun < 10.0


def test_mistakes_that_leave_the_tree_certain_are_all_found() -> None:
    assert refused("a: .nan\nb: !!str x\na: 2\n1: x\n<<: {c: d}\n") == [
        "RB111",
        "RB106",
        "RB105",
        "RB112",
        "RB108",
    ]


def test_of_a_key_that_stands_twice_the_first_is_kept() -> None:
    _, node, found = parsed("a: 1\na: 2\n")
    assert node is not None
    assert plain(node) == {"a": 1}
    assert found[0].related[0].span == Span(1, 1, 1, 2)


# --- places -------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_read_over() -> None:
    _, node, found = parsed(b"\xef\xbb\xbfa: b\n")
    assert found == []
    assert isinstance(node, Mapping)
    assert node.entries[0].key.span == Span(1, 1, 1, 2)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str) -> None:
    _, node, _ = parsed(f"a: b{end}{end}c: 'd'{end}")
    assert isinstance(node, Mapping)
    assert node.entries[1].key.span == Span(3, 1, 3, 2)
    assert node.entries[1].value.span == Span(3, 4, 3, 7)


def test_a_byte_that_is_not_utf8_has_its_place() -> None:
    _, _, found = parsed(b"a: b\nc: \xe9\n")
    assert (found[0].span.line, found[0].span.column) == (2, 4)


def only_scalar(text: str) -> tuple[Source, Scalar]:
    source, node, found = parsed(text)
    assert found == []
    assert isinstance(node, Mapping)
    value = node.entries[0].value
    assert isinstance(value, Scalar)
    return source, value


def pointed_at(text: str, wanted: str) -> str:
    """What stands in the file where `locate` says that `wanted` stands."""
    source, scalar = only_scalar(text)
    at = scalar.text.index(wanted)
    span = locate(source, scalar, at, at + len(wanted))
    line = text.split("\n")[span.line - 1]
    return line[span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    "text",
    [
        "key: before here after\n",
        "key: 'it''s here, isn''t it'\n",
        'key: "\\u00e4\\t\\"here\\" after"\n',
        'key: "\\x41\\U0001F600 here"\n',
        "key: |\n  first\n  then here\n",
        "key: |2-\n   first\n   then here\n",
        "key: >\n  first\n  then here\n\n  last\n",
        "key: >-\n  first\n    more\n  then here\n",
        "key: one\n  two\n\n  then here\n",
        "key: 'one\n  two\n\n  then here'\n",
        'key: "one \\\n  two here"\n',
        'key: "one\n  two here"\n',
        "key: |\n\n\n  here\n",
        "key: é日本 here\n",
    ],
)
def test_a_piece_of_a_scalar_is_found_in_the_file(text: str) -> None:
    assert pointed_at(text, "here") == "here"


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), min_size=1
)


@given(TEXT, st.integers(0, 200), st.sampled_from(["single", "double", "literal"]))
def test_every_character_of_a_scalar_is_found_in_the_file(text: str, at: int, style: str) -> None:
    at = min(at, len(text) - 1)
    match style:
        case "single":
            written = "key: '" + text.replace("'", "''") + "'\n"
        case "double":
            written = 'key: "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"\n'
        case _:
            written = f"key: |2\n  {text}\n"
    source, scalar = only_scalar(written)
    assert scalar.text.rstrip("\n") == text
    span = locate(source, scalar, at, at + 1)
    line = written.split("\n")[span.line - 1]
    escaped = style == "double" and text[at] in '\\"'
    assert line[span.column - 1 : span.end_column - 1] == ("\\" if escaped else text[at])
