"""Whatever an expression is, it gives what Google's own evaluator gives, or fails where that one fails.

Left out is where CEL leaves the answer open, or where `docs/functions.md` says that runbooks differ.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache

import pytest
from cel_expr_python import cel
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.errors import EvaluationError
from stanch.language.evaluate import evaluate
from stanch.language.plan import Json

NAMES = ("i", "j", "d", "s", "t", "b", "li", "ls", "m", "rows")
TEXTS = st.text(st.sampled_from("ab,. 0é😀\n"), max_size=6)
NUMBERS = st.one_of(st.integers(-5, 12), st.sampled_from([2**63 - 1, -(2**63), 2**31]))
DECIMALS = st.one_of(st.floats(-9, 9), st.sampled_from([0.0, -0.0, 0.5, 2.5, 1e300, -1e300]))
DATA = st.fixed_dictionaries(
    {
        "i": NUMBERS,
        "j": NUMBERS,
        "d": DECIMALS,
        "s": TEXTS,
        "t": TEXTS,
        "b": st.booleans(),
        "li": st.lists(st.integers(-3, 3), max_size=5),
        "ls": st.lists(TEXTS, max_size=5),
        "m": st.dictionaries(st.sampled_from(["k", "l", "a"]), st.integers(0, 3), max_size=3),
        "rows": st.lists(
            st.dictionaries(st.sampled_from(["n", "o"]), st.integers(0, 3), max_size=2), max_size=4
        ),
    }
)


LEAVES = {
    "I": ("i", "j", "0", "1", "-2", "3", "9223372036854775807"),
    "D": ("d", "0.0", "1.5", "-2.5", "1e-3"),
    "S": ("s", "t", "''", "'a'", "',b'", "'é'"),
    "B": ("b", "true", "false", "has(m.k)", "has(m.a)"),
    "L": ("li", "[]", "[3, 1, 2, 1]", "m.map(k, m[k]).sort()"),
    "T": ("ls", "['b', 'a', 'b']", "m.map(k, k).sort()"),
}
"""Expressions by the kind of their value: whole, decimal, text, truth, list of whole numbers or of texts."""
FORMS = {
    "I": (
        "(<I> + <I>)", "(<I> - <I>)", "(<I> * <I>)", "(<I> / <I>)", "(<I> % <I>)", "-(<I>)", "<S>.size()",
        "<S>.indexOf(<S>)", "<S>.lastIndexOf(<S>)", "<S>.indexOf(<S>, <I>)", "int(<S>)", "int(<D>)",
        "(<B> ? <I> : <I>)", "math.abs(<I>)", "math.greatest(<I>, <I>)", "math.least(<L>)", "<L>[<I>]",
        "<L>.size()", "m.k", "m[<S>]", "rows[<I>].n", "math.bitAnd(<I>, <I>)",
        "math.bitShiftRight(<I>, <I>)", "math.bitShiftLeft(<I>, <I>)", "math.bitXor(<I>, <I>)",
        "math.bitNot(<I>)", "math.sign(<I>)", "duration(string(<I>) + 's').getMinutes()",
        "timestamp(<I>).getDayOfWeek()", "timestamp(<I>).getHours('+01:30')",
        "timestamp(<I>).getDayOfYear()", "timestamp(<I>).getFullYear()",
    ),
    "D": (
        "(<D> + <D>)", "(<D> - <D>)", "(<D> * <D>)", "(<D> / <D>)", "-(<D>)", "double(<I>)",
        "math.round(<D>)", "math.floor(<D>)", "math.ceil(<D>)", "math.trunc(<D>)", "math.abs(<D>)",
        "math.sqrt(<D>)", "math.sign(<D>)", "math.greatest(<D>, <D>)", "(<B> ? <D> : <D>)", "double(<S>)",
    ),
    "S": (
        "(<S> + <S>)", "<S>.substring(<I>)", "<S>.charAt(<I>)",
        "<S>.replace(<S>, <S>)", "<S>.replace(<S>, <S>, <I>)", "<S>.upperAscii()", "<S>.lowerAscii()",
        "<S>.trim()", "<S>.reverse()", "<T>.join()", "<T>.join(<S>)", "<T>[<I>]", "string(<I>)",
        "string(<B>)", "(<B> ? <S> : <S>)", "'%s-%d %%'.format([<S>, <I>])", "'%.2f %e'.format([<D>, <D>])",
        "'%x %X %o %b'.format([<I>, <S>, <I>, <I>])", "'%s %s'.format([<L>, <T>])", "'%s'.format([m])",
        "strings.quote(<S>)", "string(timestamp(<I>))", "string(duration(string(<I>) + 'ms'))",
    ),
    "B": (
        "(<I> < <I>)", "(<I> == <I>)", "(<D> >= <D>)", "(<D> != <D>)", "(<S> < <S>)", "(<S> == <S>)",
        "(<B> && <B>)", "(<B> || <B>)", "!(<B>)", "(<I> in <L>)", "(<S> in <T>)", "(<S> in m)",
        "(<L> == <L>)", "<S>.contains(<S>)", "<S>.startsWith(<S>)", "<S>.endsWith(<S>)",
        "<S>.matches('^a*[b, ]+.?$')", "<L>.all(x, x < <I>)", "<L>.exists(x, <I> / x == <I>)",
        "<L>.exists_one(x, x == <I>)", "<T>.all(x, x.size() > <I>)", "rows.exists(r, r.n > <I>)",
        "rows.all(r, has(r.o) && r.o != <I>)", "rows.all(r, r.n < <I> || <B>)", "bool(<S>)",
        "math.isNaN(<D>)", "math.isInf(<D>)", "dyn(<I>) == dyn(<D>)", "dyn(<I>) < dyn(<D>)",
        "dyn(<S>) == dyn(<I>)", "dyn([<I>, <B>]) == dyn([<D>, <B>])", "(m == {'k': <I>})", "(rows == [m])",
        "(type(<I>) == int)", "(timestamp(<I>) < timestamp(<I>))",
    ),
    "L": (
        "(<L> + <L>)", "[<I>, <I>]", "<L>.map(x, x * <I>)", "<L>.filter(x, x > <I>)",
        "<L>.map(x, x > <I>, <I>)", "<L>.sort()", "<L>.sortBy(x, -x)", "<L>.distinct()", "<L>.reverse()",
        "<L>.slice(<I>, <I>)", "[<L>, <L>].flatten()", "<T>.map(x, x.size())", "rows.map(r, r.n)",
        "<L>.map(x, <L>.map(y, x + y)[0])",
    ),
    "T": (
        "(<T> + <T>)", "[<S>, <S>]", "<T>.map(x, x + <S>)", "<T>.filter(x, x != <S>)", "<T>.sort()",
        "<T>.distinct()", "<T>.reverse()", "<S>.split(<S>)", "<S>.split(<S>, <I>)", "<L>.map(x, string(x))",
    ),
}  # fmt: skip
"""`<I>` and its like are filled with expressions of that kind. `substring` with an end is not among them: the
library's fails when that is the end of the text."""


@st.composite
def expressions(draw: st.DrawFn) -> str:
    def grown(kind: str, depth: int) -> str:
        form: str = draw(st.sampled_from(LEAVES[kind] if depth == 0 else (*LEAVES[kind], *FORMS[kind])))
        return re.sub("<([IDSBLT])>", lambda found: grown(found[1], depth - 1), form)

    return grown(draw(st.sampled_from("IDSBLT")), 3)


@cache
def theirs() -> cel.Env:
    config = cel.NewEnvConfigFromYaml("extensions: [{name: strings}, {name: math}, {name: lists}]")
    return cel.NewEnv(config=config, variables=dict.fromkeys(NAMES, cel.Type.DYN))


def is_json(value: Json) -> bool:
    if isinstance(value, list):
        return all(map(is_json, value))
    return not isinstance(value, float) or math.isfinite(value)


def compare(expression: str, data: dict[str, Json]) -> None:
    try:
        compiled = theirs().compile(expression)
    except RuntimeError:
        return  # a checker's business
    value = compiled.eval(data=data)
    expected = value.plain_value()
    fails = value.type() == cel.Type.ERROR or not is_json(expected)
    if fails:
        with pytest.raises(EvaluationError):
            evaluate(expression, data)
    else:
        assert json.dumps(evaluate(expression, data)) == json.dumps(expected)


@given(expressions(), DATA)
@settings(max_examples=300, deadline=None)
def test_a_value_is_that_of_the_librarys_evaluator(expression: str, data: dict[str, Json]) -> None:
    compare(expression, data)
