"""Functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from stanch.language.cel.frame import Failed, Frame
from stanch.language.cel.operators import Overloads, unsigned, whole
from stanch.language.cel.values import LARGEST_UINT, NUMBERS, Uint, Value, words

_BITS = 64


def greatest(frame: Frame, values: list[Value]) -> Value:
    """The first of the largest."""
    return _extreme(frame, values, "math.greatest", lambda value, best: value > best)


def least(frame: Frame, values: list[Value]) -> Value:
    return _extreme(frame, values, "math.least", lambda value, best: value < best)


def _extreme(frame: Frame, values: list[Value], name: str, better: Callable[[Value, Value], bool]) -> Value:
    frame.spend(1 + len(values))
    if not values:
        raise Failed(f"`{name}` has an empty list")
    for value in values:
        if type(value) not in NUMBERS:
            raise Failed(f"`{name}` compares numbers, and there is {words(value)}")
    best = values[0]
    for value in values:
        if better(value, best):
            best = value
    return best


def _rounded(_: Frame, value: float) -> float:
    """Halves go away from zero."""
    if not math.isfinite(value):
        return value
    kept = float(math.trunc(value))
    return kept + math.copysign(1.0, value) if abs(value - kept) >= 0.5 else math.copysign(kept, value)


def _towards(rounding: Callable[[float], int]) -> Callable[[Frame, float], float]:
    def rounded(_: Frame, value: float) -> float:
        return math.copysign(float(rounding(value)), value) if math.isfinite(value) else value

    return rounded


def _sign(_: Frame, value: float) -> float:
    if math.isnan(value):
        return value
    return math.copysign(1.0, value) if value else 0.0


def _root(_: Frame, value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _signed(bits: int) -> int:
    """64 bits as a number with a sign."""
    bits &= LARGEST_UINT
    return bits - 2**_BITS if bits >= 2 ** (_BITS - 1) else bits


def _shifted(shift: Callable[[int, int], int]) -> Overloads:
    def bits(value: int, by: int) -> int:
        if by < 0:
            raise Failed(f"cannot shift by {by} bits")
        return shift(value & LARGEST_UINT, by) & LARGEST_UINT if by < _BITS else 0

    return {
        (int, int): lambda _, value, by: _signed(bits(value, by)),
        (Uint, int): lambda _, value, by: Uint(bits(value, by)),
    }


def _bitwise(operation: Callable[[int, int], int]) -> Overloads:
    return {
        (int, int): lambda _, a, b: operation(a, b),
        (Uint, Uint): lambda _, a, b: Uint(operation(a, b)),
    }


VARIADIC: Mapping[str, Callable[[Frame, list[Value]], Value]] = {
    "math.greatest": greatest,
    "math.least": least,
}
"""Take several numbers, or one list of them."""

GLOBALS: Mapping[str, Overloads] = {
    "math.abs": {
        (int,): lambda _, value: whole(abs(value)),
        (Uint,): lambda _, value: value,
        (float,): lambda _, value: abs(value),
    },
    "math.ceil": {(float,): _towards(math.ceil)},
    "math.floor": {(float,): _towards(math.floor)},
    "math.round": {(float,): _rounded},
    "math.trunc": {(float,): _towards(math.trunc)},
    "math.sign": {
        (int,): lambda _, value: (value > 0) - (value < 0),
        (Uint,): lambda _, value: unsigned(value > 0),
        (float,): _sign,
    },
    "math.sqrt": dict.fromkeys(((kind,) for kind in NUMBERS), _root),
    "math.isNaN": {(float,): lambda _, value: math.isnan(value)},
    "math.isInf": {(float,): lambda _, value: math.isinf(value)},
    "math.isFinite": {(float,): lambda _, value: math.isfinite(value)},
    "math.bitAnd": _bitwise(lambda a, b: a & b),
    "math.bitOr": _bitwise(lambda a, b: a | b),
    "math.bitXor": _bitwise(lambda a, b: a ^ b),
    "math.bitNot": {
        (int,): lambda _, value: ~value,
        (Uint,): lambda _, value: Uint(LARGEST_UINT ^ value),
    },
    "math.bitShiftLeft": _shifted(lambda bits, by: bits << by),
    "math.bitShiftRight": _shifted(lambda bits, by: bits >> by),
}
