"""Functions of expressions: what they give and refuse, for the checker and at run time alike."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from stanch.errors import EvaluationError
from stanch.language.cel.library import GLOBALS, MACRO_NAMES, METHODS, NAMES, VARIADIC
from stanch.language.cel_error import explain_all
from stanch.language.evaluate import evaluate
from stanch.language.plan import FORMAT, Json
from stanch.language.typecheck import check

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "functions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.+?`) \|.*?\| `(.+)` → `(.+)` \| (\d+) \|$", PAGE, re.MULTILINE)

NAMED = frozenset(
    {
        ("inputs.count", "int"),
        ("inputs.names", "list(string)"),
        ("inputs.ratio", "double"),
        ("inputs.ratios", "list(double)"),
        ("inputs.text", "string"),
        ("result.json", "dyn"),
        ("result.rows", "list(map(string,dyn))"),
        ("run.now", "timestamp"),
        ("run.started", "timestamp"),
    }
)


def kind(expression: str) -> str:
    checked = check(expression, NAMED)
    assert checked.errors == ()
    return checked.type


def said(expression: str) -> list[tuple[str, str]]:
    """The codes of what is wrong, each with the part of the expression that it points at."""
    found = explain_all(expression, check(expression, NAMED).errors, ["inputs.text"])
    return [(each.code, expression[each.start : each.end]) for each in found]


def message(expression: str) -> str:
    (found,) = explain_all(expression, check(expression, NAMED).errors, ["inputs.text"])
    return found.message if found.hint is None else f"{found.message} ({found.hint})"


def refusal(expression: str, **scope: Json) -> str:
    with pytest.raises(EvaluationError) as caught:
        evaluate(expression, scope)
    said = str(caught.value)
    assert said.startswith(f"`{expression}`: ")
    return said.removeprefix(f"`{expression}`: ")


# --- the page ----------------------------------------------------------------------------------------------


def test_the_page_has_every_function_and_no_other() -> None:
    listed = {name for form, *_ in ROWS for name in re.findall(r"(?:\w+\.)?(\w+)\(", form)}
    assert listed == {name.rpartition(".")[2] for name in NAMES}


def test_no_row_of_the_page_is_overlooked() -> None:
    in_tables = re.findall(r"^\| `[a-z].*\(.*\| \d+ \|$", PAGE, re.MULTILINE)
    assert len(in_tables) == len(ROWS)


@pytest.mark.parametrize(("expression", "value"), [row[1:3] for row in ROWS])
def test_an_example_of_the_page_passes_the_checker_and_gives_what_it_says(
    expression: str, value: str
) -> None:
    assert check(expression, frozenset()).errors == ()
    found = evaluate(expression, {})
    assert json.dumps(found, separators=(",", ":")) == json.dumps(json.loads(value), separators=(",", ":"))


def test_the_page_knows_no_format_that_there_is_not() -> None:
    assert {int(since) for *_, since in ROWS} == set(range(1, FORMAT + 1))


@pytest.mark.parametrize("name", sorted({*GLOBALS, *METHODS, *VARIADIC, *MACRO_NAMES} - {"sortBy", "uint"}))
def test_what_can_be_evaluated_is_known_to_the_checker(name: str) -> None:
    """Called with too many arguments, a function is refused as one that exists."""
    many = ", ".join(["dyn(1)"] * 9)
    expressions = [f"{name}({many})"] if name in GLOBALS else []
    expressions += [f"dyn(1).{name}({many})"] if name not in GLOBALS and name not in VARIADIC else []
    for expression in expressions:
        assert [code for code, _ in said(expression)] == ["RB402"]


# --- types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("extract(inputs.text, '[0-9]+')", "string"),
        ("int(extract(inputs.text, '([0-9]+)%'))", "int"),
        ("result.json.map(l, extract(l, 'x'))", "list(string)"),
        ("inputs.names.distinct()", "list(string)"),
        ("result.rows.distinct()", "list(map(string,dyn))"),
        ("result.json.distinct()", "list(dyn)"),
        ("inputs.names.sort_by(n, n.size())", "list(string)"),
        ("inputs.names.sortBy(n, n.size())", "list(string)"),
        ("inputs.names.sort_by(n, n)[0].size()", "int"),
        ("inputs.names.map(n, n.size()).sum()", "int"),
        ("inputs.ratios.sum() / 2.0", "double"),
        ("sum(inputs.ratios)", "double"),
        ("[run.now - run.started].sum()", "duration"),
        ("result.json.sum()", "dyn"),
        ("bytes('100Gi') > inputs.count", "bool"),
        ("bytes(result.json.capacity)", "int"),
        ("inputs.names.slice(0, 1).reverse()", "list(string)"),
        ("math.greatest(result.json.map(r, int(extract(r.stdout, '([0-9]+)%'))))", "int"),
    ],
)
def test_the_checker_knows_exactly_what_a_function_gives(expression: str, type_: str) -> None:
    assert kind(expression) == type_


@pytest.mark.parametrize(
    ("expression", "code", "place"),
    [
        ("inputs.names.sum()", "RB402", "sum"),
        ("extract(inputs.text, 1)", "RB402", "extract"),
        ("bytes(1.5)", "RB402", "bytes"),
        ("inputs.count.distinct()", "RB402", "distinct"),
        ("inputs.names.distnct()", "RB405", "distnct"),
        ("math.rond(1.5)", "RB405", "math.rond"),
        ("math.round(1.5, 2)", "RB402", "math.round"),
        ("sortby(inputs.names)", "RB405", "sortby"),
        ("distinct(inputs.names)", "RB402", "distinct"),
        ("inputs.text.int()", "RB402", "int"),
        ("inputs.names.sort_by(n)", "RB402", "sort_by"),
        ("inputs.names.sort_by(1, 2)", "RB401", "1"),
        ("result.rows.sort_by(r, r)", "RB402", "sort_by"),
        ("inputs.names.filter(n, n)", "RB402", "filter"),
        ("inputs.names.all(n, n.size())", "RB402", "all"),
        ("inputs.count.map(n, n)", "RB402", "inputs.count"),
        ("inputs.names.exists('n', true)", "RB401", "'"),
        ("math.greatest(['a'])", "RB402", "["),
        ("inputs.count ? 1 : 2", "RB402", "?"),
        ("has(inputs)", "RB401", "inputs"),
        ("google.protobuf.Duration{seconds: 1}", "RB401", "g"),
        ("_a0 == 1", "RB301", "_a0"),
    ],
)
def test_a_wrong_call_is_one_mistake_at_its_place(expression: str, code: str, place: str) -> None:
    assert said(expression) == [(code, place)]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("inputs.names.distnct()", "there is no function `distnct` (did you mean `distinct`?)"),
        ("distinct(inputs.names)", "takes other arguments than these (write `.distinct(...)` behind the"),
        ("inputs.text.int()", "takes other arguments than these (write `int(...)` around the value)"),
        ("inputs.names.sort_by(n)", "(write `LIST.sort_by(x, ...)`, where `x` is a name for each item)"),
        (
            "result.rows.sort_by(r, r)",
            "needs keys that have an order, such as numbers or text, and not a map",
        ),
        ("inputs.names.filter(n, n)", "`filter` needs true or false for each item and gets text"),
        ("math.greatest([])", "`math.greatest` takes numbers, or one list of numbers"),
        ("inputs.count ? 1 : 2", "`?` needs true or false before it and gets a whole number"),
    ],
)
def test_a_wrong_call_is_told_what_to_write(expression: str, words: str) -> None:
    assert words in message(expression)


@pytest.mark.parametrize(
    ("expression", "place", "words"),
    [
        ("extract(inputs.text, '([0-9]+%')", "'([0-9]+%'", "is not a pattern: missing )"),
        ("inputs.text.extract(r'\\d(?=x)')", "r'\\d(?=x)'", "is not a pattern: invalid perl operator: (?="),
        ('inputs.text.matches("[")', '"["', "is not a pattern: missing ]"),
        ("matches(inputs.text, '(a)\\\\1')", "'(a)\\\\1'", "is not a pattern: invalid escape sequence"),
        ("matches(inputs.text, '\\\\pL{999}')", "'\\\\pL{999}'", "is not a pattern: it is too large"),
        ("bytes('100GB') > 1", "'100GB'", "is not a size such as `100Gi`"),
        ("run.now - run.started > duration('5 min')", "'5 min'", "is not a duration such as `1h30m`"),
        (
            "run.now > timestamp('2026-11-23')",
            "'2026-11-23'",
            "is not a moment such as `2026-11-23T10:00:00Z`",
        ),
        ("run.now.getHours('Berlin')", "'Berlin'", "is not a time zone such as `Europe/Berlin`"),
    ],
)
def test_a_text_that_its_function_cannot_read_is_found_before_the_first_run(
    expression: str, place: str, words: str
) -> None:
    assert said(expression) == [("RB408", place)]
    assert words in message(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "extract(inputs.text, inputs.text)",
        "inputs.text == 'matches(' ? {'a': 1} : {'a': 2}",
        "inputs.count in {1: 'a'}",
        "inputs.text == \"bytes('x')\"",
        "result.json.duration == 'x'",
    ],
)
def test_only_what_a_function_would_read_is_tried(expression: str) -> None:
    assert said(expression) == []


# --- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("a 50% b 60%", "([0-9]+)%", "50"),
        ("a 50% b", "[0-9]+%", "50%"),
        ("nothing", "([0-9]+)%", ""),
        ("ab", "(x)?b", ""),
        ("k=v", "(k)=(v)", "k"),
        ("k=v", "(?P<name>[a-z])=(?P<value>[a-z])", "k"),
        ("x(y)z", r"x\((.)\)(z)", "y"),
        ("x(z", r"x[(](z)", "z"),
        ("a(b)c", r"\Qa(b)\E(c)", "c"),
        ("12", "((1)(2))", "12"),
        ("öl und µ", "(ö.)", "öl"),
        ("a\0b", "(a.b)", "a\0b"),
        ("one\ntwo", "(?m)^(t.*)$", "two"),
        ("", "(.*)", ""),
    ],
)
def test_extract_gives_the_first_group_of_the_first_match(text: str, pattern: str, found: str) -> None:
    assert evaluate("extract(text, pattern)", {"text": text, "pattern": pattern}) == found


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1k", 1000),
        ("1Ki", 1024),
        ("100Gi", 107374182400),
        ("1.5Gi", 1610612736),
        ("1.3Ki", 1332),
        ("0.1", 1),
        ("5T", 5 * 10**12),
        ("2Pi", 2 * 1024**5),
    ],
)
def test_a_size_is_read_as_kubernetes_writes_it(text: str, size: int) -> None:
    assert evaluate("bytes(text)", {"text": text}) == size


@pytest.mark.parametrize(
    "text", ["", "1K", "1g", "1GB", "1GiB", "1 Gi", " 1", "-1", "1e3", "1.", ".5", "1,5G", "\uff11", "8Ei"]
)
def test_what_is_no_size_is_refused_and_not_guessed(text: str) -> None:
    assert "is not a size such as" in refusal("bytes(text)", text=text)


@pytest.mark.parametrize(
    ("expression", "scope", "value"),
    [
        ("l.distinct()", {"l": [1, 1.0, True, "1", None, None]}, [1, True, "1", None]),
        ("l.distinct()", {"l": [{"a": [1]}, {"a": [1.0]}, {"a": [True]}]}, [{"a": [1]}, {"a": [True]}]),
        ("l.sort_by(x, x[0])", {"l": [[2, "a"], [1, "b"], [2.0, "c"]]}, [[1, "b"], [2, "a"], [2.0, "c"]]),
        ("l.sort_by(x, -x)", {"l": [1, 3, 2]}, [3, 2, 1]),
        ("l.sort()", {"l": ["b", "Z", "ä", "a"]}, ["Z", "a", "b", "ä"]),
        ("l.sort()", {"l": []}, []),
        ("l.sum()", {"l": []}, 0),
        ("l.sum()", {"l": [1, 2.5, 3]}, 6.5),
        ("sum(l.map(x, duration(x)))", {"l": ["1h", "30m"]}, "1h30m"),
        ("d.map(k, d[k])", {"d": {"b": 1, "a": 2}}, [2, 1]),
        ("x / 2.0 + y", {"x": 3, "y": 1}, 2.5),
        ("m['1'] + m.a", {"m": {"1": 1, "a": 2}}, 3),
        ("[has(m.a), has(m.b), 'a' in m, 1 in [1.0]]", {"m": {"a": None}}, [True, False, True, True]),
        ("a.b || true", {"a": {}}, True),
        ("false && a.b", {"a": {}}, False),
        ("l.exists(x, x.n > 1)", {"l": [{}, {"n": 2}]}, True),
        ("l.all(x, x.n > 1)", {"l": [{}, {"n": 0}]}, False),
        ("string(x)", {"x": 0.000001}, "0.000001"),
        ("string(x)", {"x": 1e21}, "1e+21"),
        ("t.ended - t.started", {"t": {}, "t.started": 0.0, "t.ended": 90.5}, "1m30s500ms"),
        ("has(t.ended) && t.ended > t.started", {"t": {}, "t.started": 0.0, "t.ended": 1.0}, True),
        ("t.started", {"t": {}, "t.started": 1.25}, "1970-01-01T00:00:01.250000Z"),
        (" l . map ( x ,\n x ) ", {"l": [1]}, [1]),
    ],
)
def test_a_value_is_what_cel_says(expression: str, scope: dict[str, Json], value: Json) -> None:
    found = evaluate(expression, scope)
    assert json.dumps(found) == json.dumps(value)


@pytest.mark.parametrize(
    ("expression", "scope", "reason"),
    [
        ("int(extract(t, '([0-9]+)%'))", {"t": "x"}, "cannot convert an empty text to a whole number"),
        ("extract(t, p)", {"t": "x", "p": "("}, "`(` is not a pattern: missing )"),
        ("l.sort()", {"l": [1, "a"]}, "cannot be sorted: a whole number has no order beside text"),
        ("l.sort_by(x, x)", {"l": [{}, {}]}, "cannot be sorted by a mapping"),
        ("l.sort()", {"l": [1.0, float("nan")]}, "cannot be sorted: NaN has no order"),
        ("l.sum()", {"l": [1, "a"]}, "`sum` adds numbers, and the list has text"),
        ("l.sum()", {"l": [2**62, 2**62]}, "9,223,372,036,854,775,808 does not fit into 64 bits"),
        ("math.greatest(l)", {"l": []}, "`math.greatest` has an empty list"),
        ("l.join(', ')", {"l": ["a", 1]}, "`join` puts texts together, and the list has a whole number"),
        ("a.b.c", {"a": {"b": {}}}, "there is no `c` in `a.b`"),
        ("a.b.c", {"a": {"b": "x"}}, "text has no fields, so not `c` either"),
        ("a[5]", {"a": [1]}, "there is no item 5 in a list of 1"),
        ("a['x']", {"a": {}}, "there is no key `x`"),
        ("a + 1", {"a": "x"}, "`+` does not work between text and a whole number"),
        ("a.split(',')", {"a": 1}, "`split` does not take a whole number, text"),
        ("a ? 1 : 2", {"a": "x"}, "`?` needs true or false and gets text"),
        ("a / 0", {"a": 1}, "divides by zero"),
        ("a - 1", {"a": -(2**63)}, "-9,223,372,036,854,775,809 does not fit into 64 bits"),
        ("b", {"a": 1}, "nothing is called `b` here"),
        ("a.nothing()", {"a": 1}, "there is no function `nothing`"),
        ("a / b", {"a": 0.0, "b": 0.0}, "gives nan, which is not a number that JSON can hold"),
        ("type(a)", {"a": 1}, "gives a type, which is not data"),
        ("a +", {"a": 1}, "Syntax error: mismatched input '<EOF>'"),
        ("timestamp(a)", {"a": "soon"}, "`soon` is not a moment such as"),
        ("timestamp(0).getHours(a)", {"a": "localtime"}, "is not a time zone such as"),
    ],
)
def test_a_failure_says_what_is_wrong_with_the_values(
    expression: str, scope: dict[str, Json], reason: str
) -> None:
    assert reason in refusal(expression, **scope)
