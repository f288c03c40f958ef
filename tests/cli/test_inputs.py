"""`-i NAME=VALUE`."""

from __future__ import annotations

import pytest

from stanch.cli.inputs import read_inputs
from stanch.errors import InvalidInput
from stanch.language.plan import Json

TEXTS: Json = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "checkout", "checkout"),
        ({"type": "string"}, "42", "42"),
        ({"type": "string"}, '"quoted"', '"quoted"'),
        ({"type": "string"}, "a=b=c", "a=b=c"),
        ({"type": "string"}, "", ""),
        ({"type": "integer"}, "42", 42),
        ({"type": "integer"}, "4.5", "4.5"),
        ({"type": "integer"}, "true", "true"),
        ({"type": "number"}, "0.5", 0.5),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "number"}, "NaN", "NaN"),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "1", "1"),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({"type": ["string", "integer"]}, "7", 7),
        ({"type": ["string", "null"]}, "null", None),
        (TEXTS, "web1,web2", ["web1", "web2"]),
        (TEXTS, "web1", ["web1"]),
        (TEXTS, "web1, web2", ["web1", "web2"]),
        (TEXTS, "1,2", ["1", "2"]),
        (TEXTS, '["a,b", "c"]', ["a,b", "c"]),
        (TEXTS, "", []),
        ({"type": "array", "items": {"type": "integer"}}, "1,2", [1, 2]),
        ({"enum": ["a", 5]}, "5", 5),
        ({"enum": ["a", 5]}, "a", "a"),
        ({"enum": ["a", 5]}, "b", "b"),
        ({}, "5", "5"),
    ],
)
def test_a_value_has_the_type_that_its_schema_wants(schema: Json, text: str, value: Json) -> None:
    found = read_inputs({"x": schema}, [f"x={text}"])["x"]
    assert (found, type(found)) == (value, type(value))


def test_a_name_that_no_input_has_is_kept_for_the_check_that_knows_them() -> None:
    assert read_inputs({}, ["servce=checkout"]) == {"servce": "checkout"}


@pytest.mark.parametrize("pair", ["service", "=checkout", ""])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(InvalidInput, match="is not an input such as"):
        read_inputs({}, [pair])


def test_an_input_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="`hosts` is given twice"):
        read_inputs({"hosts": TEXTS}, ["hosts=web1", "hosts=web2"])
