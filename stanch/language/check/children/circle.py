"""A way round a circle of runbooks that call each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from stanch.language.calls import CallSite
from stanch.language.link import Library, Unit
from stanch.language.order import groups

Way: TypeAlias = Sequence[tuple[Unit, CallSite]]
"""Runbooks, each with its call of the next one."""
_Calls: TypeAlias = Callable[[Unit], Iterator[tuple[CallSite, Unit]]]

_MOST_NAMED = 6


def way_round(library: Library, circle: Sequence[Unit], *, certain: bool) -> Way | None:
    """A shortest way from a runbook of the circle back to itself; it begins with the first that has one.

    `certain` takes only calls that are made in every run; None when there is no way round by these.
    """
    inside = frozenset(circle)

    def calls(unit: Unit) -> Iterator[tuple[CallSite, Unit]]:
        for call in unit.calls:
            callee = library.called(unit, call)
            if callee is not None and callee in inside and (call.certain or not certain):
                yield call, callee

    ordered = sorted(circle, key=lambda unit: (unit.path, unit.name_span))
    closed = groups(ordered, lambda unit: [callee for _, callee in calls(unit)])
    turning = {unit for group in closed if len(group) > 1 or _calls_itself(group[0], calls) for unit in group}
    start = next((unit for unit in ordered if unit in turning), None)
    return None if start is None else _shortest(start, calls)


def in_words(way: Way) -> str:
    """`a` calls `b`, which calls `a`."""
    names = [f"`{call.name}`" for _, call in way]
    if len(names) == 1:
        return f"{names[0]} calls itself"
    if len(names) > _MOST_NAMED:
        names[_MOST_NAMED - 2 : -1] = [f"{len(names) - _MOST_NAMED + 1} others"]
    return f"`{way[0][0].name}` calls {', which calls '.join(names)}"


def _calls_itself(unit: Unit, calls: _Calls) -> bool:
    return any(callee is unit for _, callee in calls(unit))


def _shortest(start: Unit, calls: _Calls) -> Way:
    """`start` can be reached from itself."""
    came: dict[Unit, tuple[Unit, CallSite]] = {}
    left = deque([start])
    while start not in came:
        unit = left.popleft()
        for call, callee in calls(unit):
            if callee not in came:
                came[callee] = (unit, call)
                left.append(callee)
    way = [came[start]]
    while way[-1][0] is not start:
        way.append(came[way[-1][0]])
    return way[::-1]
