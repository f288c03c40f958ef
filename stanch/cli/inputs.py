"""`-i NAME=VALUE` as the value that the input's schema wants."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from stanch.errors import InvalidInput
from stanch.language.plan import Json

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": (int, float),
    "object": dict,
}


def read_inputs(schemas: Mapping[str, Json], given: Iterable[str]) -> dict[str, Json]:
    """The inputs in `given` (`NAME=VALUE` each); `schemas` are those that the plan declares.

    A VALUE is JSON when that gives a value of the schema's type, a list `a,b` where an array is wanted, and
    text otherwise; whether it fits is for `check_inputs` to say. Raises InvalidInput for what has no `=` or
    stands twice.
    """
    values: dict[str, Json] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise InvalidInput(f"`{pair}` is not an input such as `-i service=checkout`")
        if name in values:
            raise InvalidInput(f"the input `{name}` is given twice; a list is written `-i {name}=a,b`")
        values[name] = _value(schemas.get(name, {}), text)
    return values


def _value(schema: Json, text: str) -> Json:
    kinds = _wanted(schema)
    if not kinds and isinstance(schema, Mapping) and "enum" in schema:
        return next((value for value in schema["enum"] if value == _parsed(text)), text)
    found = _parsed(text)
    if any(_is(found, kind) for kind in kinds):
        return found
    if "array" in kinds:
        items = schema.get("items", {})
        return [_value(items, item.strip()) for item in text.split(",")] if text.strip() else []
    return text


def _wanted(schema: Json) -> tuple[str, ...]:
    """The types that a schema names, without `string`, which every text fits anyway."""
    named = schema.get("type", ()) if isinstance(schema, Mapping) else ()
    return tuple(kind for kind in ([named] if isinstance(named, str) else named) if kind != "string")


def _is(value: Json, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _KINDS.get(kind, ()))


def _parsed(text: str) -> Json:
    try:
        return json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError):
        return text


def _refused(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")
