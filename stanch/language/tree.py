"""The tree that YAML becomes: scalars, lists and mappings, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from stanch.language.plan import Json
from stanch.language.source import Span

Style: TypeAlias = Literal["plain", "single", "double", "literal", "folded"]


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    value: bool | int | float | str | None
    """What YAML 1.2's core schema makes of it."""
    text: str
    """Its characters, before any meaning was given to them."""
    span: Span
    style: Style = "plain"
    start: int = 0
    """Offset of its first character in the file: of the quote, or of the `|` of a block."""
    end: int = 0
    refused: bool = False
    """It was reported already while it was read."""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    items: tuple[Node, ...]
    span: Span
    flow: bool = False
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    key: Scalar
    value: Node

    @property
    def name(self) -> str:
        return self.key.text


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    entries: tuple[Entry, ...]
    span: Span
    flow: bool = False
    start: int = 0
    end: int = 0

    def entry(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key.text == name), None)

    def get(self, name: str) -> Node | None:
        return None if (entry := self.entry(name)) is None else entry.value


Node: TypeAlias = Scalar | Sequence | Mapping


def plain(node: Node) -> Json:
    """The data of a tree, without places."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {entry.key.text: plain(entry.value) for entry in node.entries}


def scalars(node: Node) -> Iterator[Scalar]:
    """Every scalar value in a tree, in order; keys are not among them."""
    match node:
        case Scalar():
            yield node
        case Sequence():
            for item in node.items:
                yield from scalars(item)
        case Mapping():
            for entry in node.entries:
                yield from scalars(entry.value)
