"""Judging an author's own JSON Schema, and values by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

from stanch.language.evaluate import matches, pattern_problem
from stanch.language.misfit import Misfit, describe, misfits
from stanch.language.plan import Json

_META = Draft202012Validator(Draft202012Validator.META_SCHEMA)
_FORMATS = FormatChecker(("date", "email", "ipv4", "ipv6"))
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")


# Two formats that the library checks only when packages of their own are installed, and one that it
# checks with Python's own patterns.
@_FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@_FORMATS.checks("date-time", ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_FORMATS.checks("regex")
def _is_pattern(value: object) -> bool:
    return not isinstance(value, str) or pattern_problem(value) is None


def _pattern(_: Any, pattern: str, value: Json, __: Json) -> Iterator[ValidationError]:
    """By CEL's patterns: whoever wrote them, they take no longer than the text is long, and to them `$` is
    the end. Python's would let `checkout\\n` pass `^[a-z]+$`."""
    if isinstance(value, str) and not matches(value, pattern):
        yield ValidationError(f"does not match `{pattern}`")


def _items(validator: Any, items: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    """What stands in a list that is too long does not matter, and there may be a lot of it."""
    if not isinstance(value, list) or len(value) <= schema.get("maxItems", len(value)):
        yield from Draft202012Validator.VALIDATORS["items"](validator, items, value, schema)


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "items": _items}
)


def first_problem(schema: Json) -> str | None:
    """What is wrong with a JSON Schema itself."""
    for error in _META.iter_errors(schema):
        for misfit in misfits(error):
            where = ".".join(str(part) for part in misfit.path)
            return f"`{where}` {describe(misfit)}" if where else describe(misfit)
    return _inner_problem(schema)


def value_problem(schema: Json, value: Json) -> str | None:
    """What is wrong with a value, for behind its name."""
    return next((describe(misfit) for misfit in problems(schema, value)), None)


def problems(schema: Json, value: Json) -> Iterator[Misfit]:
    """Everything that is wrong with a value. The schema is one in which `first_problem` found nothing."""
    for error in _Validator(schema, format_checker=_FORMATS).iter_errors(value):
        yield from misfits(error)


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
