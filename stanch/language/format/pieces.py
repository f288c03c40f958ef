"""What a file consists of when comments and blank lines count: a tree of pieces."""

from __future__ import annotations

from dataclasses import dataclass

from stanch.language.tree import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that stands behind something on its line."""

    text: str
    """From its `#` on."""
    before: str
    """What it stands behind, without the indentation."""
    gap: int
    """Columns between the two."""
    more: tuple[str, ...] = ()
    """Comments on the next lines that begin in the same column: they go on with it."""

    @property
    def lines(self) -> tuple[str, ...]:
        return (self.text, *self.more)


@dataclass(frozen=True, slots=True)
class Piece:
    """A value, or a key, as it was written."""

    node: Node
    raw: str = ""
    """A scalar or an alias in the author's characters; empty for a collection and for a null that is not
    written."""
    anchor: str = ""
    """With its `&`."""
    alias: bool = False
    """`raw` is `*NAME`, and `node` stands elsewhere."""
    members: tuple[Member, ...] = ()
    opening: Comment | None = None
    """Behind the key, the `-` or the bracket that the value follows on a later line."""
    closing: Comment | None = None
    """Behind the value's end."""
    foot: tuple[str, ...] = ()
    """Comments and blank lines behind the last member, indented as deep as the members are."""

    @property
    def is_collection(self) -> bool:
        return not self.alias and isinstance(self.node, Mapping | Sequence)

    @property
    def is_flow(self) -> bool:
        return not self.alias and isinstance(self.node, Mapping | Sequence) and self.node.flow

    @property
    def is_bare(self) -> bool:
        """Whether it is a scalar with neither an anchor nor a comment of its own, and really written."""
        return isinstance(self.node, Scalar) and not (
            self.alias or self.anchor or self.opening or self.closing or not self.raw
        )


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of a mapping, or an item of a list: that has no key."""

    above: tuple[str, ...]
    """Comment lines on top of it, without indentation; an empty one stands for blank lines."""
    key: Piece | None
    value: Piece

    @property
    def name(self) -> str:
        return self.key.node.text if self.key and isinstance(self.key.node, Scalar) else ""
