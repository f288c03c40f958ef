"""Evaluation at its edges: hostile data and expressions, whatever they are, end soon and say why."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stanch.errors import EvaluationError
from stanch.language.cel.frame import MOST_WORK
from stanch.language.cel.pattern import shape
from stanch.language.evaluate import evaluate, holds, is_missing, matches, referenced, render
from stanch.language.plan import Json

CHECKOUT = Path(__file__).parents[2]
TOO_MUCH = f"takes more than {MOST_WORK:,} units of work: read less data, or part it over several steps"
LINES = ["x" * 100] * 100_000
LONG = "a" * 2**20
DOUBLED = ".map(x, x + x)" * 24
PAIRED = ".map(x, [x, x])" * 24


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("a.map(x, a.map(y, a.map(z, x + y + z)))", list(range(200))),
        ("a.map(x, x in a)", list(range(20_000))),
        ("a.filter(x, a == a)", list(range(20_000))),
        ("a.exists(x, a.exists(y, y < 0))", list(range(20_000))),
        ("a.map(l, extract(l, '(x+)y'))", LINES),
        ("a.map(l, l.upperAscii()).map(l, l.lowerAscii()).map(l, l.trim())", LINES),
        ("a.distinct()", [{"n": [number, str(number)]} for number in range(100_000)]),
        ("[a, a].map(x, x.distinct().size())", [str(number) for number in range(100_000)]),
        ("a.map(l, l.split('').size())", LINES),
        (f"[a]{DOUBLED}", "ab"),
        (f"[a]{DOUBLED}[0].size()", [1, 2]),
        (f"[a]{PAIRED}", 1),
        (f"[a]{PAIRED} == [a]{PAIRED}", 1),
        (f"[[a]{PAIRED}].distinct().size()", 1),
        (f"'%s'.format([[a]{PAIRED}]).size()", 1),
        ("a.replace('a', a)", LONG),
        ("a.split('').join(a)", LONG),
        ("a.split('')", LONG),
        ("[1, 2, 3].map(x, a)", LONG * 16),
        ("lists.range(9223372036854775807)", None),
        ("lists.range(100000).map(x, '%.999f'.format([0.1])).size()", None),
        ("a.matches('(a{1,100}){1,10}b')", LONG),
        ("extract(a, '([a-z0-9]{1,100} ?){1,10}b')", LONG),
        ("extract(a, '(\\\\pL{200})[0-9]')", LONG),
        ("extract('x', a)", "\\pL{999}"),
    ],
)
def test_what_costs_too_much_is_ended_by_the_count_of_its_work(expression: str, data: Json) -> None:
    with pytest.raises(EvaluationError, match="units of work") as caught:
        evaluate(expression, {"a": data})
    assert str(caught.value) == f"`{expression}`: {TOO_MUCH}"


@pytest.mark.parametrize(
    ("expression", "data", "value"),
    [
        ("a.filter(l, l.contains('y')).size()", LINES, 0),
        ("a.map(x, x).size()", list(range(100_000)), 100_000),
        ("a.sort().size()", [str(number) for number in range(100_000)], 100_000),
        ("a.distinct().size()", [str(number) for number in range(100_000)], 100_000),
        ("a.distinct().size()", [{"n": number} for number in range(100_000)], 100_000),
        ("a.sort_by(x, -x)[0]", list(range(100_000)), 99_999),
        ("a.sum()", [1] * 100_000, 100_000),
        ("a.join(',').split(',').size()", ["x" * 10] * 90_000, 90_000),
        ("a.matches('(a+)+$')", LONG + "b", False),
        ("a.lastIndexOf(a.substring(1) + 'b')", LONG, -1),
        ("extract(a, '([0-9]+)%')", "x" * 100_000 + "50%", "50"),
    ],
)
def test_a_long_list_or_text_is_gone_through(expression: str, data: Json, value: Json) -> None:
    assert evaluate(expression, {"a": data}) == value


def test_work_is_counted_and_not_timed() -> None:
    """On every machine it is the same item that is one too many."""
    assert _fits(MOST_WORK - 6)
    assert not _fits(MOST_WORK - 5)


def _fits(size: int) -> bool:
    try:
        evaluate("lists.range(a).size()", {"a": size})
    except EvaluationError:
        return False
    return True


@pytest.mark.parametrize("depth", [201, 900, 200_000])
@pytest.mark.parametrize(
    "expression", ["a", "a == b", "[a].distinct()", "a.flatten(999999)", "'%s'.format([a])"]
)
def test_data_that_are_nested_too_deeply_are_refused(expression: str, depth: int) -> None:
    a: Json = []
    b: Json = []
    for _ in range(depth):
        a, b = [a], [b]
    with pytest.raises(EvaluationError, match="its data is nested more than 200 deep"):
        evaluate(expression, {"a": a, "b": b})


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("+".join(["a"] * 2000), "recursion"),
        ("(" * 2000 + "a" + ")" * 2000, "recursion"),
        ("[" * 2000 + "]" * 2000, "recursion"),
        ("a" + "[0]" * 1000, "recursion"),
        ("a" + ".b" * 1000, "recursion"),
        ("a == '" + "x" * 5000, "Syntax error"),
        ("9" * 400, "invalid int literal"),
        ("'\\ud800'", "Illegal escape sequence"),
        ("\x00", "Syntax error"),
        ("", "Syntax error"),
        ("a.map(1, 2)", "`map` begins with a name for each item"),
        ("Name{a: 1}", "`Name{...}` is no value of a runbook"),
    ],
)
def test_an_expression_that_is_none_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(expression, {"a": 1})
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["ok\0not", "\ud800", "x\udfffy", "\ufeff", "é😀", "\u2028"])
def test_a_text_is_what_it_is_with_any_character_in_it(text: str) -> None:
    scope = {"a": text}
    assert evaluate("a", scope) == text
    assert evaluate("a.size()", scope) == len(text)
    assert evaluate("a.reverse().reverse() == a && a.upperAscii().size() == a.size()", scope) is True
    assert evaluate("a.matches('^ok$') || extract(a, '^(ok)$') != ''", scope) is False
    assert evaluate("extract(a, '(?s)^(.*)$').size()", scope) == len(text)


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**300])
def test_a_number_of_more_than_64_bits_passes_and_is_not_counted_with(number: int) -> None:
    scope = {"a": number}
    assert evaluate("a", scope) == number
    assert evaluate("a == a && a > 0 || a < 0", scope) is True
    with pytest.raises(EvaluationError, match="does not fit into 64 bits"):
        evaluate("a + 1 - 1", scope)


def test_a_pattern_outside_of_an_expression_is_not_tried_on_a_text_that_takes_seconds() -> None:
    assert matches("a" * 100 + "b", "(a{1,100}){1,10}b")
    assert not matches("a" * 10**7 + "b", "(a{1,100}){1,10}b")


@pytest.mark.parametrize(
    ("pattern", "states"),
    [
        ("abc", 4),
        ("[a-z0-9]{1,62}", 249),
        ("(ab){3}", 7),
        ("((a{10}){10}){10}", 1001),
        (r"\Qa{9}\E", 5),
        (r"a\{9}", 5),
        ("[{9}]{9}", 37),
        ("a{99999999999}", 15),
    ],
)
def test_a_pattern_weighs_as_much_as_its_repetitions_make_of_it(pattern: str, states: int) -> None:
    assert shape(pattern).states == states


# --- the process ------------------------------------------------------------------------------------------

SURVIVES = """
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    from stanch.errors import EvaluationError
    from stanch.language.evaluate import evaluate

    def leaves(expression, **scope):
        try:
            evaluate(expression, scope)
        except EvaluationError:
            pass

    for _ in range(2000):  # the library's own evaluator ends the process here, with Python 3.11
        leaves("[a, b, null, {'c': a}]", a=None, b=[None] * 20)
    big = "a" * 2**20
    leaves("a.map(x, x)", a=list(range(100_000)))
    leaves("[a]" + ".map(x, x + x)" * 24, a="ab" * 1000)
    leaves("[a]" + ".map(x, [x, x, x, x])" * 24, a=1)
    leaves("a.replace('a', a)", a=big)
    leaves("a.split('').map(x, a.split('')).size()", a="a" * 10_000)
    leaves("lists.range(990000).map(x, [x])")
    leaves("lists.range(130000).map(x, {'a': x, 'b': x})")
    leaves("a.map(x, b + 'x').size()", a=[1] * 9000, b=big)
    leaves("extract(a, '(\\\\\\\\pL{250})x')", a="é" * 10)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    leaves("a == [a]", a=deep)
    print("still here")
"""


def test_no_expression_takes_the_process_or_its_memory_with_it() -> None:
    code = textwrap.dedent(SURVIVES)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, cwd=CHECKOUT, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "still here\n", "")


# --- scopes -----------------------------------------------------------------------------------------------


def test_what_is_given_back_is_a_copy() -> None:
    data = {"list": [{"a": 1}]}
    found = evaluate("a.list", {"a": data})
    found[0]["a"] = 2
    assert data == {"list": [{"a": 1}]}
    literal = "[{'a': 1}]"
    evaluate(literal, {})[0]["a"] = 2
    assert evaluate(literal, {}) == [{"a": 1}]


def test_a_missing_key_is_told_from_other_failures() -> None:
    for expression, missing in [("a.b.c", True), ("a['c']", True), ("a.b.size()", False), ("c", False)]:
        with pytest.raises(EvaluationError) as caught:
            evaluate(expression, {"a": {"b": {} if expression == "a.b.c" else 1}})
        assert is_missing(caught.value) is missing


def test_names_are_found_however_they_are_written() -> None:
    scope: dict[str, Json] = {"steps": {"a": {"x": 1, "y": 2}, "b": {"x": 3}}, "inputs": {"n": 1, "m": 2}}
    found = referenced(["steps.a\n  .x > inputs . n", "'steps.b.x' != \"inputs.m\""], scope)
    assert found == {"steps": {"a": {"x": 1}}, "inputs": {"n": 1}}
    assert holds("steps.a\n  .x == inputs . n", found)


def test_the_name_of_a_loop_in_an_expression_hides_a_root() -> None:
    scope = {"steps": {"a": 1}, "l": [{"a": 2}], "x.a": 5.0}
    assert evaluate("l.map(steps, steps.a)", scope) == [2]
    assert evaluate("l.map(x, x.a)", scope) == [2]


def test_a_text_with_holes_shows_values_as_people_write_them() -> None:
    scope = {"a": {"n": 1234567.0, "l": ["x"], "t": True}}
    assert (
        render("${{ a.n }} ${{ string(a.n) }} ${{ a.l }} ${{ a.t }}", scope) == '1234567.0 1234567 ["x"] true'
    )
