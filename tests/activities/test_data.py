"""JSON from outside becomes data that expressions and histories hold, or is told not to be JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.ansible.fitting import fitting
from activities.web.data import holdable, parsed
from stanch.client.payloads import data_converter
from stanch.contract import ActionReport
from stanch.language.data import fault
from stanch.language.evaluate import evaluate
from stanch.language.plan import Json

TEXTS = st.text(st.characters(), max_size=5)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def test_one_large_number_does_not_spoil_the_rest() -> None:
    value = parsed('{"status": "ok", "hash": 18446744073709551616}')
    assert value == {"status": "ok", "hash": 18446744073709551616.0}
    assert evaluate("result.status", {"result": value}) == "ok"


def test_a_nul_does_not_end_a_text() -> None:
    value = parsed(r'{"state": "ok\u0000 not at all"}')
    assert evaluate("result.state == 'ok'", {"result": value}) is False


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1e999", "`1e999` is too large a number"),
        ("NaN", "`NaN` is no JSON number"),
        ('"\\ud800"', "half of a surrogate pair"),
        ("[" * 200 + "]" * 200, "nested more than 100 deep"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "digits"),
        ("{", "line 1 column 2"),
    ],
)
def test_what_is_no_data_is_said_to_be_none(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(text)


@given(ANYTHING)
async def test_whatever_python_holds_can_be_held_afterwards(value: Json) -> None:
    held = holdable(value)
    assert fault(held) is None
    report = ActionReport(held)
    payloads = await data_converter.encode([report])
    assert await data_converter.decode(payloads, [ActionReport]) == [report]


def test_a_module_whose_result_is_deep_is_told_without_it() -> None:
    deep: Json = 1
    for _ in range(900):
        deep = {"a": deep}
    result, cut = fitting(json.loads(json.dumps({"rc": 0, "json": deep})), 64 * 1024)
    assert (result, cut) == ({"rc": 0}, True)
