"""An expression as a function of a frame. Names are resolved here, once for all evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from stanch.language.cel.calls import dispatch, function, operator
from stanch.language.cel.frame import Failed, Frame, Run, Slots
from stanch.language.cel.library import GLOBALS, METHODS, VARIADIC
from stanch.language.cel.macros import MACROS
from stanch.language.cel.names import chain_of, of_path, of_slot, selected
from stanch.language.cel.syntax import (
    Call,
    Field,
    ListOf,
    Literal,
    Malformed,
    MapOf,
    Name,
    Node,
    nodes,
    parse,
)
from stanch.language.cel.values import Uint, Value, words


@dataclass(frozen=True, slots=True)
class Program:
    run: Run
    slots: int
    cost: int
    """Units of every evaluation, whatever the data."""


@lru_cache(maxsize=4096)
def program(expression: str) -> Program:
    """Raises Malformed."""
    return of_tree(parse(expression))


def of_tree(tree: Node) -> Program:
    """Raises Malformed."""
    builder = Builder()
    run = builder.build(tree, {})
    return Program(run, builder.slots, sum(1 for _ in nodes(tree)))


class Builder:
    def __init__(self) -> None:
        self.slots = 0

    def slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def build(self, node: Node, local: Slots) -> Run:
        match node:
            case Literal():
                value = node.value
                return lambda _: value
            case Name() if node.name in local:
                return of_slot(local[node.name])
            case Name():
                return of_path((node.name.removeprefix("."),))
            case Field():
                return self._field(node, local)
            case ListOf():
                made = [self.build(item, local) for item in node.items]
                return lambda frame: [run(frame) for run in made]
            case MapOf():
                return _map([(self.build(a, local), self.build(b, local)) for a, b in node.entries])
            case Call():
                return self._call(node, local)

    def _field(self, node: Field, local: Slots) -> Run:
        if (chain := chain_of(node, local)) is not None:
            return of_path(chain)
        of, name = self.build(node.of, local), node.name
        return lambda frame: selected(of(frame), name)

    def _call(self, node: Call, local: Slots) -> Run:
        name, target = node.function, node.target
        if target is None and name == "has" and len(node.args) == 1:
            return self._has(node.args[0], local)
        if target is not None and (macro := MACROS.get((name, len(node.args)))) is not None:
            return macro(self, node, local)
        args = [self.build(arg, local) for arg in node.args]
        if target is None:
            return operator(name, args) or function(name, args, node.at)
        chain = chain_of(target, local)
        qualified = "" if chain is None else ".".join((*chain, name))
        if qualified in GLOBALS or qualified in VARIADIC:
            return function(qualified, args, node.at)
        if name not in METHODS:
            raise Malformed(f"there is no function `{name}`", node.at)
        return dispatch(name, METHODS[name], [self.build(target, local), *args])

    def _has(self, node: Node, local: Slots) -> Run:
        if not isinstance(node, Field):
            raise Malformed("`has` asks for a field, as in `has(a.b)`", node.at)
        chain = chain_of(node, local)
        dotted = "" if chain is None else ".".join(chain)
        of, name = self.build(node.of, local), node.name

        def has(frame: Frame) -> bool:
            if dotted in frame.scope:
                return True
            held = of(frame)
            if type(held) is not dict:
                raise Failed(f"{words(held)} has no fields, so not `{name}` either")
            return name in held

        return has


def _map(entries: list[tuple[Run, Run]]) -> Run:
    def made(frame: Frame) -> Value:
        found: dict[Value, Value] = {}
        for key_of, value_of in entries:
            key = key_of(frame)
            if type(key) not in (str, int, Uint):
                raise Failed(f"the key of a map is a text or a whole number and not {words(key)}")
            if key in found:
                raise Failed("a key stands twice in a map")
            found[key] = value_of(frame)
        return found

    return made
