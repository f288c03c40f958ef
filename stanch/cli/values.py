"""`NAME=VALUE` as the value that its schema wants: inputs of a run, and fields of a question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from stanch.errors import InvalidInput
from stanch.language.evaluate import show
from stanch.language.plan import Json

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": (int, float),
    "object": dict,
}
_WORDS: Mapping[str, str] = {
    "array": "a list (a,b,c)",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object (JSON)",
    "string": "text",
}
_MOST = 12
"""Choices that are named in one line."""


def read_pairs(schemas: Mapping[str, Json], given: Iterable[str], what: str, example: str) -> dict[str, Json]:
    """The values in `given` (`NAME=VALUE` each), by the schemas of their names.

    A VALUE is JSON when that gives a value of the schema's type, a list `a,b` where an array is wanted, and
    text otherwise; whether it fits is not said here. Raises InvalidInput, with what a pair is
    (`an input`) and an example, for what has no `=` or stands twice.
    """
    values: dict[str, Json] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise InvalidInput(f"`{pair}` is not {what} such as `{example}`")
        if name in values:
            raise InvalidInput(f"`{name}` is given twice; a list is written `{name}=a,b`")
        values[name] = read_value(schemas.get(name, {}), text)
    return values


def read_value(schema: Json, text: str) -> Json:
    """The value that `text` stands for where `schema` is wanted."""
    kinds = _wanted(schema)
    if not kinds and isinstance(schema, Mapping) and "enum" in schema:
        return next((value for value in schema["enum"] if value == _parsed(text)), text)
    found = _parsed(text)
    if any(_is(found, kind) for kind in kinds):
        return found
    if "array" in kinds:
        items = schema.get("items", {})
        return [read_value(items, item.strip()) for item in text.split(",")] if text.strip() else []
    return text


def write_pair(name: str, value: Json) -> str:
    """The `NAME=VALUE` that is read as `value` again, where its schema wants such a value."""
    return f"{name}={show(value)}"


def describe_field(schema: Json) -> str:
    """What a value may be, in a line: `one of db1, db2`, `a whole number, 48 if it is left away`."""
    kind = schema.get("type", "string" if "enum" not in schema else "")
    kinds = [kind] if isinstance(kind, str) else list(kind)
    told = " or ".join(_WORDS.get(one, one) for one in kinds if one)
    if "array" in kinds and isinstance(inner := schema.get("items"), Mapping) and "enum" in inner:
        told = f"some of {_choices(inner['enum'])}, as a,b"
    if "enum" in schema:
        told = f"one of {_choices(schema['enum'])}"
    for word, head in _LIMITS.items():
        if word in schema:
            told += f", {head.format(show(schema[word]))}"
    if "default" in schema:
        told += f", {show(schema['default']) or 'nothing'} if it is left away"
    return f"{schema['description']} ({told})" if isinstance(schema.get("description"), str) else told


_LIMITS: Mapping[str, str] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "matching {}",
    "format": "a {}",
}


def _choices(values: list[Json]) -> str:
    named = ", ".join(show(value) for value in values[:_MOST])
    return f"{named} and {len(values) - _MOST} more" if len(values) > _MOST else named


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
