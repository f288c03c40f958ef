"""What operators do, by the kinds on their two sides."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from math import copysign, inf, nan
from typing import Any, TypeAlias

from stanch.language.cel.equality import COMPARABLE, contains, equal
from stanch.language.cel.frame import Failed, Frame, Missing
from stanch.language.cel.values import (
    EARLIEST,
    LARGEST,
    LARGEST_UINT,
    LATEST,
    LONGEST,
    SMALLEST,
    Moment,
    Span,
    Uint,
    Value,
    words,
)

Implementation: TypeAlias = Callable[..., Value]
"""Takes the frame, then the values. Raises Failed."""
Overloads: TypeAlias = Mapping[tuple[type, ...], Implementation]
_LONGEST_SHOWN = 200
"""Bits of a number that a message repeats."""
_Arithmetic: TypeAlias = Callable[[Any, Any], Any]


def whole(value: int) -> int:
    if not SMALLEST <= value <= LARGEST:
        shown = f"{value:,}" if value.bit_length() < _LONGEST_SHOWN else "a whole number"
        raise Failed(f"{shown} does not fit into 64 bits")
    return value


def unsigned(value: int) -> Uint:
    if not 0 <= value <= LARGEST_UINT:
        raise Failed("an unsigned number is at least 0 and has 64 bits")
    return Uint(value)


def moment(nanos: int) -> Moment:
    if not EARLIEST <= nanos <= LATEST:
        raise Failed("gives a moment outside of the years 1 to 9999")
    return Moment(nanos)


def span(nanos: int) -> Span:
    if not -LONGEST <= nanos <= LONGEST:
        raise Failed("gives a duration of more than 10,000 years")
    return Span(nanos)


def decimal(value: Value) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Failed(f"{words(value)} is too large") from None


def quotient(left: int, right: int) -> int:
    """Rounded towards zero, as CEL divides."""
    if right == 0:
        raise Failed("divides by zero")
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


def remainder(left: int, right: int) -> int:
    """With the sign of `left`."""
    if right == 0:
        raise Failed("divides by zero")
    whole(quotient(left, right))
    return left - right * quotient(left, right)


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or left != left:  # noqa: PLR0124 - NaN
        return nan
    return copysign(inf, left) * copysign(1.0, right)


def _arithmetic(
    of_whole: _Arithmetic, of_decimal: _Arithmetic | None
) -> dict[tuple[type, ...], Implementation]:
    """Of two whole numbers, two unsigned ones, two decimal ones, and of a decimal with a whole one: JSON does
    not tell 3 from 3.0, so data may hold either where decimal numbers are meant."""
    found: dict[tuple[type, ...], Implementation] = {
        (int, int): lambda _, a, b: whole(of_whole(a, b)),
        (Uint, Uint): lambda _, a, b: unsigned(of_whole(int(a), int(b))),
    }
    if of_decimal is not None:
        found[float, float] = lambda _, a, b: of_decimal(a, b)
        for kind in (int, Uint):
            found[kind, float] = lambda _, a, b: of_decimal(decimal(a), b)
            found[float, kind] = lambda _, a, b: of_decimal(a, decimal(b))
    return found


def _joined(frame: Frame, left: str, right: str) -> str:
    frame.read(len(left) + len(right))
    return left + right


def _together(frame: Frame, left: list[Value], right: list[Value]) -> list[Value]:
    frame.spend(1 + len(left) + len(right))
    return left + right


def _ordered(compare: _Arithmetic) -> dict[tuple[type, ...], Implementation]:
    def ordered(_: Frame, left: Value, right: Value) -> bool:
        return bool(compare(left, right))

    def texts(frame: Frame, left: str, right: str) -> bool:
        frame.read(min(len(left), len(right)))
        return bool(compare(left, right))

    return {**dict.fromkeys(COMPARABLE, ordered), (str, str): texts}


OPERATORS: Mapping[str, Overloads] = {
    "_+_": {
        **_arithmetic(operator.add, operator.add),
        (str, str): _joined,
        (bytes, bytes): lambda frame, a, b: (frame.read(len(a) + len(b)), a + b)[1],
        (list, list): _together,
        (Moment, Span): lambda _, a, b: moment(a.nanos + b.nanos),
        (Span, Moment): lambda _, a, b: moment(a.nanos + b.nanos),
        (Span, Span): lambda _, a, b: span(a.nanos + b.nanos),
    },
    "_-_": {
        **_arithmetic(operator.sub, operator.sub),
        (Moment, Moment): lambda _, a, b: span(a.nanos - b.nanos),
        (Moment, Span): lambda _, a, b: moment(a.nanos - b.nanos),
        (Span, Span): lambda _, a, b: span(a.nanos - b.nanos),
    },
    "_*_": _arithmetic(operator.mul, operator.mul),
    "_/_": _arithmetic(quotient, _divided),
    "_%_": _arithmetic(remainder, None),
    "_<_": _ordered(operator.lt),
    "_<=_": _ordered(operator.le),
    "_>_": _ordered(operator.gt),
    "_>=_": _ordered(operator.ge),
}


def opposite(_: Frame, value: Value) -> bool:
    if value is True or value is False:
        return not value
    raise Failed(f"`!` does not work on {words(value)}")


def negative(_: Frame, value: Value) -> Value:
    if type(value) is int:
        return whole(-value)
    if type(value) is float:
        return -value
    raise Failed(f"`-` does not work on {words(value)}")


def same(frame: Frame, left: Value, right: Value) -> bool:
    return equal(frame, left, right)


def different(frame: Frame, left: Value, right: Value) -> bool:
    return not equal(frame, left, right)


def among(frame: Frame, wanted: Value, held: Value) -> bool:
    """`wanted in held`."""
    if type(held) is list:
        return contains(frame, held, wanted)
    if type(held) is dict:
        return key_in(held, wanted) is not None
    raise Failed(f"`in` does not work on {words(held)}")


def item(_: Frame, held: Value, at: Value) -> Value:
    """`held[at]`."""
    if type(held) is list:
        place = _place(at)
        if not 0 <= place < len(held):
            raise Failed(f"there is no item {place} in a list of {len(held)}")
        return held[place]
    if type(held) is dict:
        if (key := key_in(held, at)) is None:
            raise Missing(f"there is no key `{at}`" if type(at) is str else f"there is no key {words(at)}")
        return held[key]
    raise Failed(f"{words(held)} cannot be indexed")


def key_in(held: dict[Value, Value], key: Value) -> Value | None:
    """`key` as it stands in the map, in which 1 and 1.0 are one key; None when it does not stand there."""
    if type(key) in (str, int, Uint) and key in held:
        return key
    if type(key) is float and key.is_integer() and int(key) in held:
        return int(key)
    return None


def _place(at: Value) -> int:
    if type(at) in (int, Uint):
        return int(at)
    if type(at) is float and at.is_integer():
        return int(at)
    raise Failed(f"a list is indexed with a whole number and not with {words(at)}")


UNARY: Mapping[str, Implementation] = {"!_": opposite, "-_": negative}
BINARY: Mapping[str, Implementation] = {"_==_": same, "_!=_": different, "@in": among, "_[_]": item}
