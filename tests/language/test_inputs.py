"""The values that a run is given."""

from __future__ import annotations

import time
from typing import Any

import pytest

from stanch.errors import InvalidInput
from stanch.language.inputs import check_inputs
from stanch.language.json_schema import first_problem, value_problem
from stanch.language.plan import Plan

SCHEMAS: dict[str, Any] = {
    "service": {"type": "string", "pattern": "^[a-z]+$"},
    "hosts": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
    "rate": {"type": "number", "default": 1},
    "count": {"type": "integer", "default": 3, "maximum": 10},
    "url": {"type": "string", "format": "uri", "default": "http://127.0.0.1:8480/health"},
    "since": {"type": "string", "format": "date-time", "default": "2026-11-01T00:00:00Z"},
    "options": {"type": "object", "properties": {"fast": {"type": "boolean"}}, "default": {}},
}
PLAN = Plan(runbook="example", title="", kind="diagnosis", owner="team", steps=(), inputs=SCHEMAS)
GOOD = {"service": "shop", "hosts": ["web1"]}


def test_what_is_not_given_has_its_default() -> None:
    assert check_inputs(PLAN, GOOD) == {
        "service": "shop",
        "hosts": ["web1"],
        "rate": 1.0,
        "count": 3,
        "url": "http://127.0.0.1:8480/health",
        "since": "2026-11-01T00:00:00Z",
        "options": {},
    }


def test_a_number_has_the_type_that_expressions_were_checked_with() -> None:
    values = check_inputs(PLAN, {**GOOD, "rate": 5, "count": 4.0})
    assert (type(values["rate"]), type(values["count"])) == (float, int)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hosts": ["a"]}, "input `service` is missing"),
        (
            {**GOOD, "service": "Shop"},
            "input `service` must be text that matches `^[a-z]+$`, not `Shop`",
        ),
        ({**GOOD, "hosts": []}, "input `hosts` is empty"),
        ({**GOOD, "hosts": ["a", "b", "c"]}, "input `hosts` is too long: 3, at most 2"),
        ({**GOOD, "hosts": ["a", 5]}, "input `hosts[1]` must be text, not `5`"),
        ({**GOOD, "hosts": "web1"}, "input `hosts` must be a list, not text"),
        ({**GOOD, "count": 11}, "input `count` must be at most 10, not `11`"),
        ({**GOOD, "count": 1.5}, "input `count` must be a whole number, not `1.5`"),
        ({**GOOD, "count": True}, "input `count` must be a whole number, not `true`"),
        ({**GOOD, "url": "not a url"}, "input `url` must be a valid uri, not `not a url`"),
        (
            {**GOOD, "since": "yesterday"},
            "input `since` must be a valid date-time, not `yesterday`",
        ),
        (
            {**GOOD, "options": {"fast": "yes"}},
            "input `options.fast` must be `true` or `false`, not text",
        ),
        ({**GOOD, "sevice": "x"}, "`example` has no input `sevice`; did you mean `service`?"),
        ({**GOOD, "zzz": "x"}, "`example` has no input `zzz`"),
    ],
)
def test_a_value_that_does_not_fit_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_inputs(PLAN, given)
    assert str(error.value) == message


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as error:
        check_inputs(PLAN, {"hosts": 5, "other": 1})
    assert str(error.value) == (
        "`example` has no input `other`; input `service` is missing; input `hosts` must be a list, not `5`"
    )


def test_what_was_given_is_not_changed() -> None:
    given = {**GOOD, "rate": 5}
    check_inputs(PLAN, given)
    assert given["rate"] == 5
    assert SCHEMAS["rate"]["default"] == 1


@pytest.mark.parametrize("service", ["shop\n", "shop\0x", "sh\x1b[8mop"])
def test_a_pattern_is_about_the_whole_text_to_its_very_end(service: str) -> None:
    """Python's `$` would let a line end pass, and CEL's binding would stop at the NUL."""
    with pytest.raises(InvalidInput, match=r"^input `service` ") as error:
        check_inputs(PLAN, {**GOOD, "service": service})
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"options": {"a": [2**64]}}, "input `options` has a number that does not fit into 64 bits"),
        ({"rate": float("inf")}, "input `rate` has a number that is too large"),
        ({"options": {"a\0b": 1}}, "input `options` has a NUL character, which no text here can have"),
        ({"options": {"a": "\ud800"}}, "input `options` is not valid Unicode"),
        ({"options": {"a": [0] * 20_000}}, "input `options` is too large: more than 10,000 values"),
    ],
)
def test_what_no_expression_could_hold_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_inputs(PLAN, {**GOOD, **given})
    assert str(error.value) == message


def test_a_hostile_value_costs_little_time_and_a_short_message() -> None:
    """The time is that of the patterns' author: `^(a+)+$` never ends in a matcher that goes back."""
    inputs = {
        "slow": {"type": "string", "pattern": "^(a+)+$"},
        "some": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
        "few": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "maxItems": 50},
    }
    plan = Plan(runbook="example", title="", kind="diagnosis", owner="team", steps=(), inputs=inputs)
    many = [""] * 9_000
    began = time.process_time()
    with pytest.raises(InvalidInput) as error:
        check_inputs(
            plan, {"slow": "a" * 60 + "!", "some": many, "few": many, **{f"k{n}": 1 for n in range(999)}}
        )
    assert time.process_time() - began < 2
    assert len(str(error.value)) < 5_000
    assert "input `few` is too long: 9000, at most 50" in str(error.value)


def test_schemas_that_are_nearly_the_same_are_judged_apart() -> None:
    schema: dict[str, Any] = {"type": "integer", "minimum": 1}
    assert first_problem({**schema, "default": 1}) is None
    assert first_problem({**schema, "minimum": True, "default": 1}) is not None
    assert first_problem({**schema, "default": {"$ref": "#"}}) is not None
    assert value_problem({**schema, "default": 2}, 0) is not None
    assert value_problem({**schema, "minimum": 0, "default": 2}, 0) is None
