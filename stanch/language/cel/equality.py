"""When values are equal, and which comes first.

Numbers compare by value, whichever kind they have; values of other kinds are equal only to their own, and
`true` is not 1. Texts are ordered by code points. What has no order is refused, as is NaN.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from math import isnan

from stanch.language.cel.frame import CHARACTERS, DEEPEST, Failed, Frame, deep
from stanch.language.cel.values import NUMBERS, Moment, Span, Value, words

_NUMBERS = frozenset(NUMBERS)
_REMEMBERED = 4
"""Units for a value that is kept to be compared with others."""
_COMPARISONS = 4
"""Of two keys, for one unit."""
_ORDERED = frozenset({bool, str, bytes, Moment, Span})


def equal(frame: Frame, left: Value, right: Value, depth: int = 0) -> bool:
    kind = type(left)
    if kind in _NUMBERS:
        return type(right) in _NUMBERS and bool(left == right)
    if kind is not type(right):
        return False
    if kind is list or kind is dict:
        if len(left) != len(right):
            return False
        frame.spend(1 + len(left))
        if depth == DEEPEST:
            raise deep()
        pairs = zip(left, right, strict=True) if kind is list else _by_key(left, right)
        return all(equal(frame, a, b, depth + 1) for a, b in pairs)
    if kind is str and len(left) == len(right):
        frame.read(len(left))
    return bool(left == right)


def _by_key(left: dict[Value, Value], right: dict[Value, Value]) -> Iterator[tuple[Value, Value]]:
    missing = object()
    for key, held in left.items():
        yield held, right.get(key, missing)


def contains(frame: Frame, items: list[Value], wanted: Value) -> bool:
    frame.spend(1 + len(items))
    if type(wanted) is str:
        frame.read(sum(len(item) for item in items if type(item) is str and len(item) == len(wanted)))
        return wanted in items
    return any(equal(frame, item, wanted) for item in items)


def first_of_each(frame: Frame, items: list[Value]) -> list[Value]:
    """`items` without those that equal an earlier one."""
    seen: set[Hashable] = set()
    kept = []
    for item in items:
        known = len(seen)
        seen.add(_identity(frame, item, 0))
        if len(seen) > known:
            kept.append(item)
    return kept


def in_order(frame: Frame, items: list[Value], keys: list[Value]) -> list[Value]:
    """`items` by their keys, which stand beside them; equal keys leave the order as it is."""
    kinds = {_ordering(key) for key in keys}
    if len(kinds) > 1:
        raise Failed(f"cannot be sorted: {words(keys[0])} has no order beside {words(_other(keys))}")
    count = len(keys)
    # A comparison of two texts may read both of them to the end.
    each = 1 + sum(len(key) for key in keys if type(key) is str) // CHARACTERS // max(1, count)
    frame.spend(count * (1 + count.bit_length() * each // _COMPARISONS))
    order = sorted(range(count), key=keys.__getitem__)
    return [items[at] for at in order]


def sorted_keys(frame: Frame, held: dict[Value, Value]) -> list[Value]:
    """A map's keys: whole numbers, then texts, each in their order; the map itself keeps none."""
    frame.spend(len(held))
    numbers = sorted(key for key in held if type(key) is not str)
    return [*numbers, *sorted(key for key in held if type(key) is str)]


def _ordering(key: Value) -> type:
    kind = type(key)
    if kind in _NUMBERS:
        if isnan(key):
            raise Failed("cannot be sorted: NaN has no order")
        return int
    if kind not in _ORDERED:
        raise Failed(f"cannot be sorted by {words(key)}")
    return kind


def _other(keys: list[Value]) -> Value:
    return next(key for key in keys if _ordering(key) is not _ordering(keys[0]))


def _identity(frame: Frame, value: Value, depth: int) -> Hashable:
    """Equal for equal values, and only for these."""
    frame.spend(_REMEMBERED)
    kind = type(value)
    if kind is str:
        frame.read(len(value))
        return (str, value)
    if kind in _NUMBERS:
        return (int, object() if isnan(value) else value)
    if kind is list or kind is dict:
        if depth == DEEPEST:
            raise deep()
        if kind is list:
            return (list, tuple(_identity(frame, item, depth + 1) for item in value))
        return (dict, frozenset((key, _identity(frame, held, depth + 1)) for key, held in value.items()))
    return (kind, value)


COMPARABLE = [*((a, b) for a in NUMBERS for b in NUMBERS), *((kind, kind) for kind in _ORDERED)]
"""Kinds between which `<` works."""
