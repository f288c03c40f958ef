"""JSON from outside as data that expressions and a history can hold.

CEL knows whole numbers of 64 bits and reads text up to a NUL, so one odd value anywhere would spoil every
expression about a result, or change what it says.
"""

from __future__ import annotations

import json
import math
from typing import NoReturn

from stanch.language.data import LARGEST, SMALLEST
from stanch.language.plan import Json

DEEPEST = 100
"""Levels; expressions over data that is nested without end would take the worker down."""


def parsed(text: str | bytes) -> Json:
    """The value of a JSON document; whole numbers beyond 64 bits become decimal ones, NUL U+FFFD. Raises
    ValueError with the reason, for what is no JSON a json.JSONDecodeError."""
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_decimal, parse_int=_whole)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if is_deep(value):
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("a string in it has half of a surrogate pair") from None
    return holdable(value)


def holdable(value: Json) -> Json:
    """`value`, which is not deep, without what cannot be held: U+FFFD for NUL and for half of a surrogate
    pair, a decimal number for one beyond 64 bits, null for what is no number."""
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case int() if not SMALLEST <= value <= LARGEST:
            return holdable(_float_of(value))
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {holdable(key): holdable(held) for key, held in value.items()}
        case list():
            return [holdable(held) for held in value]
        case _:
            return value


def is_deep(value: Json) -> bool:
    """Whether it has more than `DEEPEST` lists and objects inside each other."""
    level: list[Json] = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _whole(digits: str) -> Json:
    value = int(digits)  # ValueError for thousands of digits
    return value if SMALLEST <= value <= LARGEST else _decimal(digits)


def _decimal(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"`{digits[:60]}` is too large a number")
    return value


def _float_of(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no JSON number")
