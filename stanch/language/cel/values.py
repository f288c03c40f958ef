"""Kinds of values. JSON's are Python's own; CEL adds moments, spans of time, uint, bytes and types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from stanch.language.types import in_words

Value: TypeAlias = Any
"""None, bool, int, Uint, float, str, bytes, list, dict, Moment, Span or Kind; never of a subclass."""

SMALLEST, LARGEST = -(2**63), 2**63 - 1
LARGEST_UINT = 2**64 - 1
SECOND = 1_000_000_000
"""Nanoseconds."""
EARLIEST, LATEST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1
"""Of a moment: the years 1 to 9999."""
LONGEST = 315_576_000_000 * SECOND + SECOND - 1
"""Of a span: 10,000 years."""


class Uint(int):
    """A whole number written `1u`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """Nanoseconds since 1970 in UTC."""

    nanos: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A duration in nanoseconds."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A type as a value: what `type(x)` gives."""

    name: str


KINDS: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list(dyn)",
    dict: "map(string,dyn)",
    Moment: "timestamp",
    Span: "duration",
    Kind: "type",
}
NUMBERS = (int, Uint, float)
TYPE_NAMES: dict[type, str] = {
    **KINDS,
    type(None): "null_type",
    list: "list",
    dict: "map",
    Moment: "google.protobuf.Timestamp",
    Span: "google.protobuf.Duration",
}
"""As CEL calls them in `type(x) == int`."""


def words(value: Value) -> str:
    """The kind of a value for a sentence: `a whole number`."""
    kind = KINDS.get(type(value), type(value).__name__)
    return "a type" if kind == "type" else in_words(kind)
