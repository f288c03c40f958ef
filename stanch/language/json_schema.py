"""Judging an author's own JSON Schema, and values by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from stanch.language.accept import acceptor
from stanch.language.evaluate import matches, pattern_problem
from stanch.language.misfit import Misfit, describe
from stanch.language.plan import Json

_Made = TypeVar("_Made")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")


# Two formats that the library checks only when packages of their own are installed, and one that it checks
# with Python's own patterns.
def _is_uri(value: Json) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


def _is_moment(value: Json) -> bool:
    try:
        return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_pattern(value: Json) -> bool:
    return not isinstance(value, str) or pattern_problem(value) is None


_FORMATS = {"uri": _is_uri, "date-time": _is_moment, "regex": _is_pattern}

_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number"}
_LIST = {"type": "array"}
_TEXT = {"type": "string"}
_KIND = {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]}
_SCHEMA = {"anyOf": [{"$ref": "#"}, {"type": "boolean"}]}
_is_plain = acceptor(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **dict.fromkeys(("const", "default"), True),
            **dict.fromkeys(("enum", "examples"), _LIST),
            **dict.fromkeys(("title", "description", "format", "pattern"), _TEXT),
            **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _COUNT),
            **dict.fromkeys(("minProperties", "maxProperties"), _COUNT),
            **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
            **dict.fromkeys(("items", "additionalProperties", "propertyNames"), _SCHEMA),
            "properties": {"type": "object", "additionalProperties": _SCHEMA},
            "required": {"type": "array", "items": _TEXT, "uniqueItems": True},
            "type": _KIND,
            "uniqueItems": {"type": "boolean"},
        },
    }
)
"""Whether a schema uses only words that most do, in the way that JSON Schema's own schema asks for."""


_MOST_KEPT = 512
_LONGEST_KEPT = 400
"""Characters of a schema, written out."""


class _Kept(Generic[_Made]):
    """What was made of schemas: the runbooks of a library declare the same inputs again and again."""

    def __init__(self, make: Callable[[Json], _Made]) -> None:
        self._make = make
        self._made: dict[str, _Made] = {}

    def __call__(self, schema: Json) -> _Made:
        if isinstance(schema, dict) and not isinstance(schema.get("default"), list | dict):
            # Any such value may stand there, so what is said of the others does not depend on it.
            schema = {word: value for word, value in schema.items() if word != "default"}
        key = repr(schema)
        if len(key) > _LONGEST_KEPT:
            return self._make(schema)
        try:
            return self._made[key]
        except KeyError:
            made = self._make(schema)
        if len(self._made) >= _MOST_KEPT:
            self._made.clear()
        self._made[key] = made
        return made


def first_problem(schema: Json) -> str | None:
    """What is wrong with a JSON Schema itself."""
    return _first_problems(schema)


def _first_problem(schema: Json) -> str | None:
    if not _is_plain(schema):
        from stanch.language.refusal import schema_misfits  # noqa: PLC0415 (slow, and seldom needed)

        for misfit in schema_misfits(schema):
            where = ".".join(str(part) for part in misfit.path)
            return f"`{where}` {describe(misfit)}" if where else describe(misfit)
    return _inner_problem(schema)


def value_problem(schema: Json, value: Json) -> str | None:
    """What is wrong with a value, for behind its name."""
    return next((describe(misfit) for misfit in problems(schema, value)), None)


def problems(schema: Json, value: Json) -> Iterator[Misfit]:
    """Everything that is wrong with a value. The schema is one in which `first_problem` found nothing."""
    if not _acceptors(schema)(value):
        from stanch.language.refusal import input_misfits  # noqa: PLC0415 (slow, and seldom needed)

        yield from input_misfits(schema, value, _FORMATS)


def _finder(pattern: str) -> partial[bool]:
    return partial(matches, pattern=pattern)


def _inner_problem(schema: Json) -> str | None:
    """A pattern that is none, or a reference: it could lead out of the file, or round in a circle."""
    if isinstance(schema, list):
        return next(filter(None, map(_inner_problem, schema)), None)
    if not isinstance(schema, dict):
        return None
    reference = next((word for word in schema if word.startswith("$")), None)
    if reference is not None:
        return f"`{reference}` is not read here; write the schema out"
    if "patternProperties" in schema:
        return "`patternProperties` is not read here; use `propertyNames` and `additionalProperties`"
    if isinstance(pattern := schema.get("pattern"), str) and (problem := pattern_problem(pattern)):
        shown = pattern if len(pattern) <= 60 else f"{pattern[:57]}..."
        return f"`{shown}` is not a pattern: {problem}"
    return next(filter(None, map(_inner_problem, schema.values())), None)


_first_problems = _Kept(_first_problem)
_acceptors = _Kept(lambda schema: acceptor(schema, _finder, _FORMATS))
