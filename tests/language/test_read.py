"""YAML to a tree: what is refused by name, what scalars mean, and where things stand."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.language.diagnostics import Diagnostic, Report
from stanch.language.place import locate
from stanch.language.read import (
    DEEPEST,
    LARGEST_FILE,
    MOST_ALIASED,
    MOST_DOCUMENTS,
    MOST_VALUES,
    read,
    read_all,
)
from stanch.language.source import Source, Span
from stanch.language.tree import Mapping, Node, Scalar, plain
from stanch.language.unread import LONGEST_KEY


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


@pytest.mark.parametrize(
    "written",
    [
        "0o18",
        "0xfg",
        "08:30:00",
        "2026-11-01T10:00:00Z",
        "1e",
        "e3",
        "+",
        ".",
        "-.",
        "1,000",
        "0b1",
        "Yes",
        ".nAn",
    ],
)
def test_what_only_looks_like_a_number_or_a_date_is_text(written: str) -> None:
    assert data(f"- {written}\n- '{written}'\n") == [written, written]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("%YAML 1.2\n---\na: on\n", {"a": "on"}),
        ("--- # a comment\na: b\n...\n", {"a": "b"}),
        ("&a x: &b y\n? *b\n: *a\n", {"x": "y", "y": "x"}),
        ("'a': b\n\"1\": c\n", {"a": "b", "1": "c"}),
        ("a: '<<'\n'<<': b\n", {"a": "<<", "<<": "b"}),
        ('a: "\\u2028\\x00"\n', {"a": "\u2028\0"}),
        ("a: |\n  b\n   ", {"a": "b\n \n"}),
        ("a:\n- b\n-\n- c\n", {"a": ["b", None, "c"]}),
        ("a: b\tc #d\n", {"a": "b\tc"}),
    ],
)
def test_what_yaml_can_say_and_json_too_is_read(written: str, values: object) -> None:
    assert data(written) == values


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
        ("%YAML 3.0\n---\na: b", "RB114"),
        ("%YAML 1.1\n---\na: b", "RB114"),
        ("%TAG !x! tag:x\n--- a", "RB114"),
        ("# first\r%YAML 1.20\r---\ra: b", "RB114"),
        ("%YAML 1.2 1.1\n---\na: b", "RB114"),
        ("a: !!python/object:os.system x", "RB106"),
        ("a: ! x", "RB106"),
        ("!a", "RB113"),
        ("!x b", "RB113"),
        ("a: {{ b }}", "RB113"),
        ("a: [?b]", "RB113"),
        ("a: {?b: c}", "RB113"),
        ("a: &b:c d", "RB101"),
        ("a: &b c\nd: {*b: e}", "RB101"),
        ("? [a]\n: b", "RB112"),
        ("? {a: b}\n: c", "RB112"),
        ("a: b\n: c", "RB101"),
        ("{: c}", "RB101"),
        (".nan: a", "RB111"),
        ("[" + "{}," * MOST_VALUES + "]", "RB103"),
        ("[" + "a," * MOST_VALUES + "]", "RB103"),
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


def test_a_key_has_a_largest_length() -> None:
    assert refused(f"? {'x' * LONGEST_KEY}\n: a\n") == []
    assert refused(f"? {'x' * (LONGEST_KEY + 1)}\n: a\n") == ["RB112"]


def test_a_document_that_was_refused_is_no_document() -> None:
    """Nothing is said twice about it."""
    _, node, found = parsed("!!binary x")
    assert node is None
    assert [each.code for each in found] == ["RB106"]


def test_of_a_key_that_stands_twice_the_first_is_kept() -> None:
    _, node, found = parsed("a: 1\na: 2\n")
    assert node is not None
    assert plain(node) == {"a": 1}
    assert found[0].related[0].span == Span(1, 1, 1, 2)


def test_a_key_that_was_refused_once_is_not_refused_again() -> None:
    assert refused("{.inf: 1, !!str a: 2, ~: 3}") == ["RB111", "RB106", "RB112"]


# --- several documents --------------------------------------------------------------------------------------


def all_read(content: str) -> tuple[list[object], list[tuple[str, int, int]]]:
    """The data of each document, and the code, line and column of each diagnostic."""
    report = Report("x.yaml")
    _, roots = read_all("x.yaml", content, report)
    found = [(each.code, each.span.line, each.span.column) for each in report.found]
    return [plain(root) for root in roots], found


def test_every_document_of_a_file_is_read_with_its_place_in_the_file() -> None:
    report = Report("x.yaml")
    _, roots = read_all("x.yaml", "a: 1\n--- # two\nb: 2\n---\n- c\n", report)
    assert report.found == []
    assert [plain(root) for root in roots] == [{"a": 1}, {"b": 2}, ["c"]]
    assert [root.span.line for root in roots] == [1, 3, 5]


@pytest.mark.parametrize(
    ("content", "read", "found"),
    [
        ("a\n---\n", ["a"], [("RB109", 2, 1)]),
        ("---\n---\na\n", ["a"], [("RB109", 1, 1)]),
        ("a\n--- # nothing\n---\nb\n", ["a", "b"], [("RB109", 2, 1)]),
        ("a\n--- null\n", ["a"], [("RB109", 2, 1)]),
        ("---\n...\n---\n", [], [("RB109", 1, 1), ("RB109", 3, 1)]),
        ("---\n# nothing\n", [], [("RB109", 1, 1)]),
        ("a\n...\n# the end\n", ["a"], []),
    ],
)
def test_a_document_with_nothing_in_it_is_reported_and_left_out(
    content: str, read: list[object], found: list[tuple[str, int, int]]
) -> None:
    assert all_read(content) == (read, found)


def test_mistakes_are_found_in_every_document() -> None:
    _, found = all_read("a: 1\na: 2\n---\nb: .nan\n---\nc: !!int 3\n")
    assert found == [("RB105", 2, 1), ("RB111", 4, 4), ("RB106", 6, 4)]


def test_an_anchor_is_known_in_its_own_document_only() -> None:
    assert all_read("a: &x 1\nb: *x\n---\nc: *x\n") == ([], [("RB101", 4, 4)])


def test_a_file_that_cannot_be_read_to_its_end_has_no_documents() -> None:
    assert all_read("a: 1\n---\nb: [\n") == ([], [("RB101", 3, 4)])


def test_a_file_has_a_largest_number_of_documents() -> None:
    assert all_read("--- a\n" * MOST_DOCUMENTS) == (["a"] * MOST_DOCUMENTS, [])
    assert all_read("--- a\n" * 50_000) == ([], [("RB109", MOST_DOCUMENTS + 1, 1)])


def test_the_bounds_are_those_of_the_whole_file() -> None:
    big = f"--- [{'a, ' * (MOST_VALUES // 2)}]\n"
    assert all_read(big)[1] == []
    assert [code for code, _, _ in all_read(big * 2)[1]] == ["RB103"]


def test_a_reader_of_one_document_refuses_the_second_where_it_begins() -> None:
    _, _, found = parsed("a: 1\n# comment\n---\nb: 2\n---\n")
    assert [(each.code, each.span) for each in found] == [("RB109", Span(3, 1, 3, 4))]


# --- encodings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_another_unicode_encoding_is_recognised_with_and_without_its_mark(encoding: str) -> None:
    _, _, found = parsed("runbook: x\ntitle: é\n".encode(encoding))
    assert [(each.code, each.span) for each in found] == [("RB102", Span(1, 1, 1, 1))]
    assert encoding[:6].upper() in found[0].message


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b"a: b\nc: \xe9\n", 2, 4),
        ("a: é\r\n日本: 😀".encode() + b"\xff", 2, 6),
        ("\ufeffa: é".encode() + b"\x80", 1, 5),
        (b"a: \xc0\xaf", 1, 4),
        (b"a: \xe0\x80\xaf", 1, 4),
        (b"a: \xed\xa0\x80", 1, 4),
        (b"a: \xf4\x90\x80\x80", 1, 4),
        (b"a: \xf0\x9f\x98", 1, 4),
    ],
)
def test_a_byte_that_is_not_utf8_has_its_place_in_characters(content: bytes, line: int, column: int) -> None:
    _, _, found = parsed(content)
    assert [(each.code, each.span.line, each.span.column) for each in found] == [("RB102", line, column)]


@pytest.mark.parametrize(
    "char",
    ["\x00", "\x07", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\ufeff", "\ufffe"],
)
@pytest.mark.parametrize("before", ["é: '日", "# ", "😀: |\r\n  "])
def test_a_character_that_hides_something_has_its_place(char: str, before: str) -> None:
    """Also those that end a line for some programs and not for others."""
    _, node, found = parsed(f"a: 1\r{before}{char}b")
    line = 2 + before.count("\n")
    column = len(before.rpartition("\n")[2]) + 1
    assert node is None
    assert [(each.code, each.span) for each in found] == [("RB110", Span(line, column, line, column + 1))]
    assert f"U+{ord(char):04X}" in found[0].message


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


def test_a_column_counts_characters() -> None:
    _, _, found = parsed("é日😀: [1, '😀😀', .nan]\n")
    assert found[0].span == Span(1, 16, 1, 20)


def test_a_block_ends_where_its_last_value_does() -> None:
    """And not where the parser noticed, at the next key."""
    _, node, _ = parsed("a:\n  b:\n    - c\n\n\n# about d\nd: e\n")
    assert isinstance(node, Mapping)
    assert node.entries[0].value.span == Span(2, 3, 3, 8)
    assert node.span == Span(1, 1, 7, 5)


@pytest.mark.parametrize("value", ["'b'", "b", "[b]", "{b: c}", "- b", "b: c", '""'])
@pytest.mark.parametrize("anchor", ["&x", "&x # about b"])
def test_a_value_begins_behind_its_anchor(anchor: str, value: str) -> None:
    source, node, _ = parsed(f"a: {anchor}\n  {value}\n")
    assert isinstance(node, Mapping)
    found = node.entries[0].value
    assert source.text[found.start : found.end] == value


def test_a_place_at_the_end_of_a_text_is_inside_of_it() -> None:
    source, scalar = only_scalar("a: bc")
    assert locate(source, scalar, 2, 2) == Span(1, 6, 1, 6)
    assert locate(source, scalar, 1, 9) == Span(1, 5, 1, 6)


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
        "key: &anchor 'it''s here'\n",
        "key: &anchor |\n  first\n  here\n",
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
