"""The tree that YAML becomes: scalars, lists and mappings, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from stanch.language.plan import Json
from stanch.language.record import record
from stanch.language.source import Source, Span

Style: TypeAlias = Literal["plain", "single", "double", "literal", "folded"]


class _Placed:
    """What has a place; a span is worked out when somebody asks for it, which few do."""

    __slots__ = ()
    at: Source | Span
    start: int
    end: int

    @property
    def span(self) -> Span:
        return self.at if isinstance(self.at, Span) else self.at.span(self.start, self.end)


@record
class Scalar(_Placed):
    value: bool | int | float | str | None
    """What YAML 1.2's core schema makes of it."""
    text: str
    """Its characters, before any meaning was given to them."""
    at: Source | Span
    """The file in which it stands from `start` to `end`, or its place where it was not read from one."""
    style: Style = "plain"
    start: int = 0
    """Offset of its first character in the file: of the quote, or of the `|` of a block."""
    end: int = 0
    refused: bool = False
    """It was reported already while it was read."""


@record
class Sequence(_Placed):
    items: tuple[Node, ...]
    at: Source | Span
    flow: bool = False
    start: int = 0
    end: int = 0


@record
class Entry:
    name: str
    value: Node
    at: Source | Scalar
    """The file in which the name stands, plain, from `start`; or the key, where it was made already."""
    start: int = 0

    @property
    def key(self) -> Scalar:
        """The name with its place. It is made when somebody asks for it: of most entries nobody does."""
        if isinstance(self.at, Scalar):
            return self.at
        return Scalar(self.name, self.name, self.at, "plain", self.start, self.start + len(self.name))


@record
class Mapping(_Placed):
    entries: tuple[Entry, ...]
    at: Source | Span
    flow: bool = False
    start: int = 0
    end: int = 0
    by_name: dict[str, Entry] | None = None
    """The entries again; None of a mapping that was not read but made of parts of others."""

    def entry(self, name: str) -> Entry | None:
        if self.by_name is not None:
            return self.by_name.get(name)
        for entry in self.entries:
            if entry.name == name:
                return entry
        return None

    def get(self, name: str) -> Node | None:
        # As `entry`, without the call: forty steps ask two hundred times.
        entry = self.entry(name) if self.by_name is None else self.by_name.get(name)
        return None if entry is None else entry.value


Node: TypeAlias = Scalar | Sequence | Mapping


def plain(node: Node) -> Json:
    """The data of a tree, without places."""
    # No `match` and no call for a scalar: a runbook has a thousand of them, and each is asked for twice.
    if isinstance(node, Mapping):
        return {
            entry.name: held.value if isinstance(held := entry.value, Scalar) else plain(held)
            for entry in node.entries
        }
    if isinstance(node, Sequence):
        return [item.value if isinstance(item, Scalar) else plain(item) for item in node.items]
    return node.value


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
