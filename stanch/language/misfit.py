"""One thing that does not fit a JSON Schema, as plain data, and how to say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stanch.language.plan import Json
from stanch.language.words import listed

TEMPLATE = "\\$\\{\\{"
"""The pattern by which a schema says that a `${{ }}` may stand instead of the real thing."""

Path: TypeAlias = tuple[str | int, ...]

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class Misfit:
    path: Path
    keyword: str
    """The word of JSON Schema that refused the value."""
    wanted: Json
    """What stands behind that word in the schema."""
    value: Json
    title: str | None
    """The schema's own words for what fits: `a duration such as `30s``."""
    names: tuple[str, ...] = ()
    """The properties that the schema knows."""
    of_name: bool = False
    """It is a property's name that does not fit, and `path` ends in it."""


def describe(misfit: Misfit) -> str:
    """What is wrong with a value, for behind its name: `must be a whole number, not text`."""
    say = _SAY.get(misfit.keyword)
    return say(misfit) if say is not None else f"does not fit `{misfit.keyword}` of its schema"


def choices(branches: Json) -> list[str]:
    """The names of which one has to be there, when that is all that the alternatives say."""
    if not isinstance(branches, list) or not all(set(branch) == {"required"} for branch in branches):
        return []
    return [name for branch in branches for name in branch["required"]]


def _type(misfit: Misfit) -> str:
    kinds = [misfit.wanted] if isinstance(misfit.wanted, str) else list(misfit.wanted)
    names = misfit.title or " or ".join(_KINDS[kind] for kind in kinds)
    return f"must be {names}, not {_kind(misfit.value)}"


def _enum(misfit: Misfit) -> str:
    values = listed([_text(value) for value in misfit.wanted], "or")
    return f"must be one of {values}, not {_shown(misfit.value)}"


def _pattern(misfit: Misfit) -> str:
    return f"must be {misfit.title or f'text that matches `{misfit.wanted}`'}, not {_shown(misfit.value)}"


def _bound(words: str) -> Callable[[Misfit], str]:
    return lambda misfit: f"must be {words} {misfit.wanted}, not {_shown(misfit.value)}"


def _too_few(misfit: Misfit) -> str:
    return "is empty" if not misfit.value else f"is too short: {len(misfit.value)}, at least {misfit.wanted}"


def _too_many(misfit: Misfit) -> str:
    return f"is too long: {len(misfit.value)}, at most {misfit.wanted}"


def _required(misfit: Misfit) -> str:
    return f"has no {listed([name for name in misfit.wanted if name not in misfit.value])}"


def _one_of(misfit: Misfit) -> str:
    names = choices(misfit.wanted)
    given = [name for name in names if name in misfit.value]
    if not names:
        return "does not fit any of the forms that are allowed"
    return f"has {listed(given)}; only one of them can stand" if given else f"needs {listed(names, 'or')}"


def _excluding(misfit: Misfit) -> str:
    """`not` in a schema of ours says which words exclude each other, or has a title that says what fits."""
    if misfit.title:
        return f"must be {misfit.title}"
    branches = misfit.wanted.get("anyOf", [misfit.wanted]) if isinstance(misfit.wanted, Mapping) else []
    names = [name for branch in branches for name in branch.get("required", ()) if name in misfit.value]
    return f"cannot have {listed(names)} beside what else it has" if names else "is not allowed"


def _dependent(misfit: Misfit) -> str:
    for name, needed in misfit.wanted.items():
        if name in misfit.value and (missing := [each for each in needed if each not in misfit.value]):
            return f"has `{name}` without {listed(missing)}"
    return "is not complete"


_SAY: Mapping[str, Callable[[Misfit], str]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda misfit: f"can only be {_shown(misfit.wanted)}",
    "pattern": _pattern,
    "format": lambda misfit: f"must be a valid {misfit.wanted}, not {_shown(misfit.value)}",
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("more than"),
    "exclusiveMaximum": _bound("less than"),
    "minItems": _too_few,
    "minLength": _too_few,
    "minProperties": _too_few,
    "maxItems": _too_many,
    "maxLength": _too_many,
    "maxProperties": _too_many,
    "uniqueItems": lambda _: "names something twice",
    "required": _required,
    "oneOf": _one_of,
    "anyOf": _one_of,
    "not": _excluding,
    "dependentRequired": _dependent,
}


def _kind(value: Json) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return _shown(value)
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _text(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Json) -> str:
    text = _text(value)
    short = text if len(text) <= 60 else text[:57] + "..."
    return f"`{''.join(char if char.isprintable() else _spelled(char) for char in short)}`"


def _spelled(char: str) -> str:
    """A control character as an escape, so that a message stays one line and steers no terminal."""
    return char.encode("unicode_escape").decode("ascii")
