"""Broken YAML: one diagnostic, where the mistake is, in words that help. `‸` stands in front of the place."""

from __future__ import annotations

import pytest

from stanch.language.diagnostics import Diagnostic, Report
from stanch.language.read import read
from stanch.language.source import Source
from tests.language.cases import HEAD, LOOK, compiled
from tests.language.places import assert_inside

MARK = "‸"

CASES = [
    # quotes
    ("a: ‸'x", "RB101", "what `'` opens here is not closed"),
    ('a: ‸"x\nb: 1\n', "RB101", 'what `"` opens here is not closed'),
    ("é日: ‸'😀\n  y\nb: 1\nc: 2\n", "RB101", "what `'` opens here is not closed"),
    ('a: ‸"x\n---\ny"\n', "RB101", 'what `"` opens here is not closed'),
    ('a: "x" ‸y\n', "RB101", 'the text ended at the `"` before this'),
    ("a: 'it'‸s'\n", "RB101", "the text ended at the `'` before this"),
    ('a: "b\n\nc: "‸d"\n', "RB101", 'the text ended at the `"` before this'),
    ('a: "‸\\d+"\n', "RB101", "`\\d` is not an escape that double quotes know"),
    ('a: "x ‸\\x4"\n', "RB101", "the escape stands for no character"),
    ('a: "‸\\ud800"\n', "RB101", "the escape stands for no character"),
    # brackets
    ("a: ‸[x\nb: c\n", "RB101", "what `[` opens here is not closed"),
    ('a: ‸[x, "y"\nb: c\n', "RB101", "what `[` opens here is not closed"),
    ("a: ‸{x: 1\nb: 2\n", "RB101", "what `{` opens here is not closed"),
    ("- - ‸[a\n- b\n", "RB101", "what `[` opens here is not closed"),
    ("a: [b, ‸{", "RB101", "what `{` opens here is not closed"),
    ("a: &x ‸[b\n---\nc\n", "RB101", "what `[` opens here is not closed"),
    ("a: [x]‸]\n", "RB101", "the value ended at the `]` before this"),
    ("a: [x,‸,y]\n", "RB101", "a value is missing before this `,`"),
    ('a: ["x" ‸"y"]\n', "RB101", "`,` or `]` is missing before this"),
    ("a: {b\n  ‸: c}\n", "RB101", "this `:` stands in another line than its key"),
    ("a: {b: c,\n    d\n    e‸: f}\n", "RB101", "`,` or `}` is missing before this"),
    ("a:\n- ‸[b\n- c\n", "RB101", "what `[` opens here is not closed"),
    ("{0‸:,}\n", "RB101", "a `:` in brackets has a space behind it"),
    ("a: {b: ‸:c}\n", "RB101", "a value cannot begin with `:` here"),
    ("a: ‸]\n", "RB101", "a value cannot begin with `]`"),
    # expressions
    ("a: {b: c‸[0]}\n", "RB113", "YAML ends the expression at `[` and reads the rest as its own punctuation"),
    (
        "a: [$‸{{ x }}]\n",
        "RB113",
        "YAML ends the expression at `{` and reads the rest as its own punctuation",
    ),
    ("a: x ? y ‸: z\n", "RB113", "YAML ends the expression at `:` and reads the rest as its own punctuation"),
    ("a: {\n  b: x ? y ‸: z}\n", "RB113", "YAML ends the expression at `:` and reads the rest"),
    ("a: ‸!x!y z\n", "RB113", "YAML takes what begins with `!` for a tag"),
    ("a: {b: ‸!x}\n", "RB113", "YAML takes what begins with `!` for a tag"),
    ("a: ‸&& b\n", "RB113", "YAML takes `&` for an anchor"),
    ("a: [‸?b]\n", "RB113", "YAML takes `?` for the mark of a key"),
    ("a: ‸{{ b }}\n", "RB113", "YAML takes `{{` for two mappings"),
    # the beginning of a value
    ("a: ‸@x\n", "RB101", "a value cannot begin with `@`"),
    ("a: ‸`x`\n", "RB101", "a value cannot begin with a backtick"),
    ("a: ‸%x\n", "RB101", "a value cannot begin with `%`"),
    ("a: ‸*.log\n", "RB101", "a value cannot begin with `*`"),
    ("a: ‸& x\n", "RB101", "a value cannot begin with `&`"),
    ("a: ‸*x\n", "RB101", "the anchor `&x` is not defined before this"),
    ("a: ‸&x:y z\n", "RB101", "YAML ends the name of `&x` in front of the `:`"),
    ("a: ‸- b\n", "RB101", "a list cannot begin here"),
    ("a: ‸? b\n", "RB101", "a value cannot begin with `? `"),
    ("a: |‸x\n  y\n", "RB101", "behind `|` there can be only `-` or `+`, a width from 1 to 9 and a comment"),
    ("a: >‸0\n  y\n", "RB101", "behind `>` there can be only `-` or `+`, a width from 1 to 9 and a comment"),
    # lines
    ("a:\n‸\tb: 1\n", "RB101", "a tab cannot indent YAML"),
    ("a: |\r‸\tb\r", "RB101", "a tab cannot indent YAML"),
    ("a: b‸: c\n", "RB101", "a second `:` in one line"),
    ("a: b\n  ‸c: d\n", "RB101", "`c:` goes on with the text above it"),
    ("a: b\r\n\r\n   ‸- c: d\r\n", "RB101", "`- c:` goes on with the text above it"),
    ("a:\n  b: 1\n ‸c: 2\n", "RB101", "this line belongs to no mapping above it"),
    ("a: 1\n‸- b\n", "RB101", "a list begins here among the keys of a mapping"),
    (
        "a:\n  - b: 1\n   ‸c: 2\n",
        "RB101",
        "this line belongs neither to the list above it nor to one of its items",
    ),
    ("a: b\n‸c\nd: e\n", "RB101", "`c` is a key without a `:`"),
    ("a: b\n‸c", "RB101", "`c` is a key without a `:`"),
    ("a: b\n‸: c\n", "RB101", "there is no key before this `:`"),
    ("?‸\n", "RB112", "a key is missing here"),
    # documents
    ("--- a‸: b\n", "RB101", "a mapping cannot begin in the line of `---`"),
    ("a: b\n...\n‸c: d\n", "RB101", "a document begins here without its `---`"),
    ("‸...\n", "RB101", "there is no document that this `...` could end"),
    ("%YAML 1.2\n‸%YAML 1.2\n---\na: b\n", "RB101", "a second `%YAML`"),
    ("%YAML 1.2\n‸", "RB101", "the file ends too early"),
    ("‸%YAML 1.1\n---\na: b\n", "RB114", "the directive `%YAML 1.1` is not followed"),
]


def answer(text: str) -> tuple[Source, list[Diagnostic]]:
    report = Report("x.yaml")
    source, _ = read("x.yaml", text, report)
    return source, report.found


@pytest.mark.parametrize(("marked", "code", "message"), CASES)
def test_broken_yaml_is_one_diagnostic_at_the_mistake(marked: str, code: str, message: str) -> None:
    text = marked.replace(MARK, "")
    at = marked.index(MARK)
    source, found = answer(text)
    assert [each.code for each in found] == [code]
    assert found[0].message.startswith(message)
    expected = source.span(at, at)
    assert (found[0].span.line, found[0].span.column) == (expected.line, expected.column)
    assert_inside(found, text)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('a: "b\n\nc: "d"\n', 1, "it begins"),
        ("a:\n  - b: 1\n   c: 2\n", 2, "the list begins"),
        ("a:\n  b: 1\n c: 2\n", 1, "the mapping begins"),
        ('a: [x,\n "y" "z"]\n', 1, "`[` stands"),
    ],
)
def test_the_place_that_explains_the_mistake_stands_beside_it(text: str, line: int, message: str) -> None:
    _, found = answer(text)
    assert [(each.span.line, each.message) for each in found[0].related] == [(line, message)]


@pytest.mark.parametrize("unit", ["a: &", "a: *", "a: !", "%", "a: b: ", "a:\n b", "'", "a: 1\n"])
def test_no_message_is_as_long_as_the_file(unit: str) -> None:
    _, found = answer(unit + "x" * 100_000 + unit)
    for each in found:
        assert len(each.message) + len(each.hint or "") < 400


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("impact: {{ x }}", "RB113"),
        ("impact: {?x: y}", "RB113"),
        ("impact: !x", "RB113"),
        ("impact: !!binary x", "RB106"),
        ("links: !!seq []", "RB106"),
        ("impact: .nan", "RB111"),
        (".nan: x", "RB111"),
        ("<<: {impact: x}", "RB108"),
        ("1: x", "RB112"),
        ("owner: another", "RB105"),
    ],
)
def test_what_the_reader_refused_is_not_reported_again_by_the_compiler(line: str, code: str) -> None:
    text = f"{HEAD}{line}\n{LOOK}"
    assert [each.code for each in compiled(text).diagnostics] == [code]
