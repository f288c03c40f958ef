"""Functions of lists."""

from __future__ import annotations

from collections.abc import Mapping

from stanch.language.cel.equality import first_of_each, in_order
from stanch.language.cel.frame import DEEPEST, Failed, Frame, deep
from stanch.language.cel.operators import OPERATORS, Overloads
from stanch.language.cel.values import NUMBERS, Span, Value, words


def _distinct(frame: Frame, items: list[Value]) -> list[Value]:
    return first_of_each(frame, items)


def _sort(frame: Frame, items: list[Value]) -> list[Value]:
    return in_order(frame, items, items)


def _sum(frame: Frame, items: list[Value]) -> Value:
    """From left to right with `+`; 0 when there is none."""
    frame.spend(1 + len(items))
    kinds = {Span} if items and type(items[0]) is Span else set(NUMBERS)
    total: Value = 0
    for at, item in enumerate(items):
        if type(item) not in kinds:
            raise Failed(f"`sum` adds numbers, and the list has {words(item)}")
        add = OPERATORS["_+_"].get((type(total), type(item)))
        if at and add is None:
            raise Failed(f"`sum` cannot add {words(total)} and {words(item)}")
        total = add(frame, total, item) if at and add is not None else item
    return total


def _reverse(frame: Frame, items: list[Value]) -> list[Value]:
    frame.spend(1 + len(items))
    return items[::-1]


def _slice(frame: Frame, items: list[Value], start: int, end: int) -> list[Value]:
    if not 0 <= start <= end <= len(items):
        raise Failed(f"there is no part from {start} to {end} in a list of {len(items)}")
    frame.spend(1 + end - start)
    return items[start:end]


def _flatten(frame: Frame, items: list[Value], levels: int = 1) -> list[Value]:
    """Lists in the list are replaced by their items, `levels` deep."""
    if levels < 0:
        raise Failed(f"cannot flatten {levels} levels")
    found: list[Value] = []
    _flat(frame, items, levels, found, 0)
    return found


def _flat(frame: Frame, items: list[Value], levels: int, found: list[Value], depth: int) -> None:
    if depth == DEEPEST:
        raise deep()
    frame.spend(1 + len(items))
    for item in items:
        if type(item) is list and levels > 0:
            _flat(frame, item, levels - 1, found, depth + 1)
        else:
            found.append(item)


def _range(frame: Frame, end: int) -> list[Value]:
    frame.spend(1 + max(0, end))
    return list(range(end))


METHODS: Mapping[str, Overloads] = {
    "distinct": {(list,): _distinct},
    "sort": {(list,): _sort},
    "sum": {(list,): _sum},
    "reverse": {(list,): _reverse},
    "slice": {(list, int, int): _slice},
    "flatten": {(list,): _flatten, (list, int): _flatten},
}
GLOBALS: Mapping[str, Overloads] = {"lists.range": {(int,): _range}, "sum": {(list,): _sum}}
