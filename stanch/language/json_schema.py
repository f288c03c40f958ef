"""Judging an author's own JSON Schema, and values by it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import datetime

from jsonschema import Draft202012Validator, FormatChecker

from stanch.language.misfit import Misfit, describe, misfits
from stanch.language.plan import Json

_META = Draft202012Validator(Draft202012Validator.META_SCHEMA)
_FORMATS = FormatChecker(("date", "email", "ipv4", "ipv6", "regex"))
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")


# Two formats that the library checks only when packages of their own are installed.
@_FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or _URI.fullmatch(value) is not None


@_FORMATS.checks("date-time", ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


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
    for error in Draft202012Validator(schema, format_checker=_FORMATS).iter_errors(value):
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
    if isinstance(pattern := schema.get("pattern"), str):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # `[[` and the like, which will mean something else one day
                re.compile(pattern)
        except (re.error, FutureWarning) as error:
            return f"`{pattern}` is not a pattern: {error}"
    return next(filter(None, map(_inner_problem, schema.values())), None)
