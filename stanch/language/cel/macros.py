"""Macros: calls that evaluate their arguments themselves, once an item of a list (or a key of a map)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stanch.language.cel.equality import in_order, sorted_keys
from stanch.language.cel.frame import Failed, Frame, Run, Slots
from stanch.language.cel.syntax import Call, Malformed, Name, nodes
from stanch.language.cel.values import Value, words

if TYPE_CHECKING:
    from stanch.language.cel.program import Builder


class _Loop:
    """What all macros share: the list, the name of an item, and what is evaluated with it."""

    def __init__(self, builder: Builder, node: Call, local: Slots) -> None:
        name = node.args[0]
        if not isinstance(name, Name) or name.name.startswith("."):
            raise Malformed(f"`{node.function}` begins with a name for each item", node.args[0].at)
        assert node.target is not None
        self.name = node.function
        self.over = builder.build(node.target, local)
        self.slot = builder.slot()
        inner = {**local, name.name: self.slot}
        self.parts = [builder.build(part, inner) for part in node.args[1:]]
        self.cost = 1 + sum(1 for part in node.args[1:] for _ in nodes(part))

    def items(self, frame: Frame) -> list[Value]:
        held = self.over(frame)
        if type(held) is list:
            return held
        if type(held) is dict:
            return sorted_keys(frame, held)
        raise Failed(f"`{self.name}` goes through a list or a map, and not through {words(held)}")

    def holds(self, frame: Frame, item: Value) -> bool:
        """The first part for `item`, which must be a truth."""
        frame.spend(self.cost)
        frame.slots[self.slot] = item
        found = self.parts[0](frame)
        if found is True or found is False:
            return bool(found)
        raise Failed(f"`{self.name}` needs true or false and gets {words(found)}")


def _all(builder: Builder, node: Call, local: Slots) -> Run:
    return _until(_Loop(builder, node, local), deciding=False)


def _exists(builder: Builder, node: Call, local: Slots) -> Run:
    return _until(_Loop(builder, node, local), deciding=True)


def _until(loop: _Loop, *, deciding: bool) -> Run:
    """One item decides, even when others fail."""

    def decided(frame: Frame) -> bool:
        failed: Failed | None = None
        for item in loop.items(frame):
            try:
                if loop.holds(frame, item) is deciding:
                    return deciding
            except Failed as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return not deciding

    return decided


def _exists_one(builder: Builder, node: Call, local: Slots) -> Run:
    loop = _Loop(builder, node, local)
    return lambda frame: sum(loop.holds(frame, item) for item in loop.items(frame)) == 1


def _filter(builder: Builder, node: Call, local: Slots) -> Run:
    loop = _Loop(builder, node, local)
    return lambda frame: [item for item in loop.items(frame) if loop.holds(frame, item)]


def _map(builder: Builder, node: Call, local: Slots) -> Run:
    """With three arguments, only of the items for which the second one holds."""
    loop = _Loop(builder, node, local)
    value_of = loop.parts[-1]
    if len(loop.parts) == 2:
        return lambda frame: [value_of(frame) for item in loop.items(frame) if loop.holds(frame, item)]
    return lambda frame: _values(loop, loop.items(frame), frame)


def _sort_by(builder: Builder, node: Call, local: Slots) -> Run:
    loop = _Loop(builder, node, local)

    def sorted_by(frame: Frame) -> list[Value]:
        items = loop.items(frame)
        return in_order(frame, items, _values(loop, items, frame))

    return sorted_by


def _values(loop: _Loop, items: list[Value], frame: Frame) -> list[Value]:
    frame.spend(len(items) * loop.cost)
    slot, slots, value_of = loop.slot, frame.slots, loop.parts[-1]
    found = []
    for item in items:
        slots[slot] = item
        found.append(value_of(frame))
    return found


MACROS: dict[tuple[str, int], Callable[[Builder, Call, Slots], Run]] = {
    ("all", 2): _all,
    ("exists", 2): _exists,
    ("exists_one", 2): _exists_one,
    ("filter", 2): _filter,
    ("map", 2): _map,
    ("map", 3): _map,
    ("sort_by", 2): _sort_by,
    ("sortBy", 2): _sort_by,
}
"""By name and number of arguments."""
