"""What `jsonschema` has against a value, as misfits.

Importing the library takes a twentieth of a second, so this module is imported where something was refused
(`accept`), and by nothing at its top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend

from stanch.language.accept import Formats
from stanch.language.evaluate import matches
from stanch.language.misfit import TEMPLATE, Misfit, Path, choices
from stanch.language.plan import Json

_META = Draft202012Validator(Draft202012Validator.META_SCHEMA)
_SCHEMA = "a schema such as `{type: string}`"
_NO_FORMATS = FormatChecker(())


def misfits(schema: Json, value: Json) -> Iterator[Misfit]:
    """What does not fit a schema of ours, which checks no formats."""
    for error in Draft202012Validator(schema, format_checker=_NO_FORMATS).iter_errors(value):
        yield from _meant(error)


def schema_misfits(schema: Json) -> Iterator[Misfit]:
    """What makes an author's JSON Schema none, without the titles that its own schema has for its parts."""
    for error in _META.iter_errors(schema):
        for misfit in _meant(error):
            yield replace(misfit, title=_SCHEMA if misfit.wanted == ["object", "boolean"] else None)


def input_misfits(schema: Json, value: Json, formats: Formats) -> Iterator[Misfit]:
    """What does not fit an author's schema; `formats` are those that the library has no answer for."""
    checker = FormatChecker(("date", "email", "ipv4", "ipv6"))
    for name, fits in formats.items():
        checker.checks(name)(fits)
    for error in _InputValidator(schema, format_checker=checker).iter_errors(value):
        yield from _meant(error)


def _pattern(_: Any, pattern: str, value: Json, __: Json) -> Iterator[ValidationError]:
    """By CEL's patterns: whoever wrote them, they take no longer than the text is long, and to them `$` is
    the end. Python's would let `checkout\\n` pass `^[a-z]+$`."""
    if isinstance(value, str) and not matches(value, pattern):
        yield ValidationError(f"does not match `{pattern}`")


def _items(validator: Any, items: Json, value: Json, schema: Json) -> Iterator[ValidationError]:
    """What stands in a list that is too long does not matter, and there may be a lot of it."""
    if not isinstance(value, list) or len(value) <= schema.get("maxItems", len(value)):
        yield from Draft202012Validator.VALIDATORS["items"](validator, items, value, schema)


_InputValidator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "items": _items}
)


def _meant(error: ValidationError) -> Iterator[Misfit]:
    """What an error comes down to: of alternatives, the one that was probably meant."""
    if error.validator not in ("anyOf", "oneOf") or not error.context or choices(error.validator_value):
        yield _misfit(error)
        return
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    first = next(iter(branches.values()))
    meant = (found for found in branches.values() if not any(_wrong_kind(inner, error) for inner in found))
    for inner in next(meant, first):
        yield from _meant(inner)


def _wrong_kind(inner: ValidationError, outer: ValidationError) -> bool:
    """Whether a branch fails already at the kind of the value itself, or because it is no `${{ }}`."""
    if len(inner.absolute_path) != len(outer.absolute_path):
        return False
    return inner.validator == "type" or (inner.validator == "pattern" and inner.validator_value == TEMPLATE)


def _misfit(error: ValidationError) -> Misfit:
    schema: Json = error.schema if isinstance(error.schema, Mapping) else {}
    of_name = "propertyNames" in error.absolute_schema_path
    path: Path = tuple(error.absolute_path)
    return Misfit(
        path=(*path, str(error.instance)) if of_name else path,
        keyword=str(error.validator),
        wanted=error.validator_value,
        value=error.instance,
        title=schema.get("title"),
        names=tuple(schema.get("properties", ())),
        of_name=of_name,
    )
