"""`int(x)`, `string(x)` and their like: a value of one kind as a value of another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from stanch.language.cel import formatting, sizes, times
from stanch.language.cel.frame import Failed, Frame
from stanch.language.cel.operators import Overloads, decimal, unsigned, whole
from stanch.language.cel.values import (
    KINDS,
    SECOND,
    TYPE_NAMES,
    Kind,
    Moment,
    Span,
    Uint,
    Value,
)

_WHOLE = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]{1,40})[ \t\n\v\f\r]*")
_DECIMAL = re.compile(
    r"""
    [ \t\n\v\f\r]*
    ([+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,9})?|nan|inf|infinity))
    [ \t\n\v\f\r]*
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_TRUTHS = {"true": True, "True": True, "TRUE": True, "t": True, "1": True}
_TRUTHS |= {"false": False, "False": False, "FALSE": False, "f": False, "0": False}


def _read_whole(frame: Frame, text: str) -> int:
    frame.read(len(text))
    if (found := _WHOLE.fullmatch(text)) is None:
        raise Failed(f"cannot convert {_shown(text)} to a whole number")
    return int(found.group(1))


def _read_decimal(frame: Frame, text: str) -> float:
    frame.read(len(text))
    if (found := _DECIMAL.fullmatch(text)) is None:
        raise Failed(f"cannot convert {_shown(text)} to a number")
    return float(found.group(1))


def _read_truth(_: Frame, text: str) -> bool:
    if text not in _TRUTHS:
        raise Failed(f"cannot convert {_shown(text)} to true or false")
    return _TRUTHS[text]


def _cut(_: Frame, value: float) -> int:
    """Towards zero."""
    if not isfinite(value):
        raise Failed("cannot convert a number that is not finite to a whole one")
    return whole(int(value))


def _shown(text: str) -> str:
    return "an empty text" if not text else f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _size(frame: Frame, held: Value) -> int:
    frame.spend(1)
    return len(held)


def _kept(_: Frame, value: Value) -> Value:
    return value


def _kind(_: Frame, value: Value) -> Kind:
    return Kind(TYPE_NAMES[type(value)])


SIZE: Overloads = dict.fromkeys(((kind,) for kind in (str, bytes, list, dict)), _size)

GLOBALS: Mapping[str, Overloads] = {
    "size": SIZE,
    "int": {
        (int,): _kept,
        (Uint,): lambda _, value: whole(int(value)),
        (float,): _cut,
        (str,): lambda frame, text: whole(_read_whole(frame, text)),
        (Moment,): lambda _, value: value.nanos // SECOND,
    },
    "uint": {
        (Uint,): _kept,
        (int,): lambda _, value: unsigned(value),
        (float,): lambda _, value: unsigned(int(value) if isfinite(value) else -1),
        (str,): lambda frame, text: unsigned(_read_whole(frame, text)),
    },
    "double": {
        (float,): _kept,
        (int,): lambda _, value: decimal(value),
        (Uint,): lambda _, value: decimal(value),
        (str,): _read_decimal,
    },
    "bool": {(bool,): _kept, (str,): _read_truth},
    "string": dict.fromkeys(
        ((kind,) for kind in (str, bool, int, Uint, float, bytes, Moment, Span)), formatting.readable
    ),
    "bytes": {(str,): sizes.of_text, (int,): sizes.of_number},
    "timestamp": {
        (str,): lambda _, text: times.read_moment(text),
        (int,): times.from_seconds,
        (Moment,): _kept,
    },
    "duration": {(str,): lambda _, text: times.read_span(text), (Span,): _kept},
    "dyn": dict.fromkeys(((kind,) for kind in KINDS), _kept),
    "type": dict.fromkeys(((kind,) for kind in KINDS), _kind),
}
METHODS: Mapping[str, Overloads] = {"size": SIZE}
