"""The parse tree of an expression, read from what Google's library writes of it.

The library gives its tree only as a serialised `cel.expr.ParsedExpr`; the field numbers below are those of
`cel/expr/syntax.proto` of the CEL specification. Macros stay calls, as they are written.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from cel_expr_python import cel

from stanch.language.cel.values import Uint, Value

_PARSED = 2
"""`google.protobuf.Any.value`, and in it `ParsedExpr.expr`."""
_SOURCE, _POSITIONS = 3, 4
_NO_MACROS = "stdlib: {exclude_macros: [all, exists, exists_one, map, filter, has]}"
_PLACE = re.compile(r"^[A-Z_]+: (?:ERROR: <input>:\S+ )?|\s*\[[A-Z_]+\]$")
_Fields: TypeAlias = dict[int, list[int | bytes]]


class Malformed(Exception):
    """It is not CEL, or a part of CEL that runbooks do not have; `at` is an offset into the expression."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Field:
    of: Node
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function, a method of `target`, a macro, or an operator such as `_+_`."""

    function: str
    target: Node | None
    args: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class MapOf:
    entries: tuple[tuple[Node, Node], ...]
    at: int


Node: TypeAlias = Literal | Name | Field | Call | ListOf | MapOf


def parse(expression: str) -> Node:
    """Raises Malformed."""
    try:
        written = _parser().compile(expression, disable_check=True).serialize()
    except RuntimeError as error:
        first = str(error).partition("\n")[0]
        raise Malformed(_PLACE.sub("", first).strip() or "not understood") from error
    parsed = _fields(_bytes(_fields(written), _PARSED))
    places = {}
    for entry in _fields(_bytes(parsed, _SOURCE)).get(_POSITIONS, ()):
        place = _fields(entry)
        places[_int(place, 1)] = _int(place, 2)
    return _Tree(places).node(_fields(_bytes(parsed, _PARSED)))


def nodes(node: Node) -> Iterator[Node]:
    """`node` and everything in it."""
    yield node
    match node:
        case Field():
            inner: tuple[Node, ...] = (node.of,)
        case Call():
            inner = node.args if node.target is None else (node.target, *node.args)
        case ListOf():
            inner = node.items
        case MapOf():
            inner = tuple(part for entry in node.entries for part in entry)
        case _:
            inner = ()
    for each in inner:
        yield from nodes(each)


@lru_cache(maxsize=1)
def _parser() -> cel.Env:
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_NO_MACROS))


class _Tree:
    def __init__(self, places: dict[int, int]) -> None:
        self._places = places

    def node(self, expr: _Fields) -> Node:
        at = self._places.get(_int(expr, 2), 0)
        if 3 in expr:
            return Literal(_constant(_fields(_bytes(expr, 3))), at)
        if 4 in expr:
            return Name(_text(_fields(_bytes(expr, 4)), 1), at)
        if 5 in expr:
            select = _fields(_bytes(expr, 5))
            return Field(self._child(select, 1), _text(select, 2), at)
        if 6 in expr:
            call = _fields(_bytes(expr, 6))
            target = self._child(call, 1) if 1 in call else None
            return Call(_text(call, 2), target, self._children(call, 3), at)
        if 7 in expr:
            return ListOf(self._children(_fields(_bytes(expr, 7)), 1), at)
        if 8 in expr:
            return self._map(_fields(_bytes(expr, 8)), at)
        raise Malformed("not understood", at)

    def _map(self, made: _Fields, at: int) -> MapOf:
        if name := _text(made, 1):
            raise Malformed(f"`{name}{{...}}` is no value of a runbook; a map is written `{{...}}`", at)
        entries = [_fields(entry) for entry in made.get(2, ())]
        return MapOf(tuple((self._child(entry, 3), self._child(entry, 4)) for entry in entries), at)

    def _child(self, fields: _Fields, number: int) -> Node:
        return self.node(_fields(_bytes(fields, number)))

    def _children(self, fields: _Fields, number: int) -> tuple[Node, ...]:
        return tuple(self.node(_fields(each)) for each in fields.get(number, ()))


def _constant(constant: _Fields) -> Value:
    kind = next(iter(constant))
    match kind:
        case 1:
            return None
        case 2:
            return bool(_int(constant, 2))
        case 3:
            value = _int(constant, 3)
            return value - 2**64 if value >= 2**63 else value
        case 4:
            return Uint(_int(constant, 4))
        case 5:
            return float(struct.unpack("<d", _bytes(constant, 5))[0])
        case 6:
            return _text(constant, 6)
        case _:
            return _bytes(constant, kind)


# --- protocol buffers: fields by number, each an int or the bytes of a text, a message or a double ----------


def _fields(data: int | bytes) -> _Fields:
    assert isinstance(data, bytes)
    found: _Fields = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: int | bytes
        if key & 7 == 0:
            value, at = _varint(data, at)
        else:
            size, at = (8, at) if key & 7 == 1 else _varint(data, at)
            value = data[at : at + size]
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _bytes(fields: _Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    assert isinstance(value, bytes)
    return value


def _text(fields: _Fields, number: int) -> str:
    return _bytes(fields, number).decode()


def _int(fields: _Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    assert isinstance(value, int)
    return value
