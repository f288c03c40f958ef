"""The groups of a graph whose nodes can reach each other, each group behind those that it leads to.

Tarjan's algorithm, without recursion: a chain of calls may be as long as a library is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

_Node = TypeVar("_Node")


def groups(
    roots: Iterable[_Node], after: Callable[[_Node], Iterable[_Node]]
) -> tuple[tuple[_Node, ...], ...]:
    """The groups of all nodes that `roots` lead to; `after` says where the edges of a node lead."""
    walk = _Walk(after)
    for root in roots:
        if root not in walk.number:
            walk.visit(root)
    return tuple(walk.found)


class _Walk(Generic[_Node]):
    def __init__(self, after: Callable[[_Node], Iterable[_Node]]) -> None:
        self._after = after
        self.number: dict[_Node, int] = {}
        """Nodes in the order in which they were met."""
        self._lowest: dict[_Node, int] = {}
        """The smallest number that a node is known to reach, among those in `_open`."""
        self._open: dict[_Node, None] = {}
        """Nodes whose group is not complete, in the order in which they were met."""
        self.found: list[tuple[_Node, ...]] = []

    def visit(self, root: _Node) -> None:
        path = [(root, self._begin(root))]
        while path:
            node, left = path[-1]
            following = next(left, None)
            if following is None:
                path.pop()
                if path:
                    self._reaches(path[-1][0], self._lowest[node])
                self._end(node)
            elif following not in self.number:
                path.append((following, self._begin(following)))
            elif following in self._open:
                self._reaches(node, self.number[following])

    def _begin(self, node: _Node) -> Iterator[_Node]:
        self.number[node] = self._lowest[node] = len(self.number)
        self._open[node] = None
        return iter(self._after(node))

    def _reaches(self, node: _Node, number: int) -> None:
        self._lowest[node] = min(self._lowest[node], number)

    def _end(self, node: _Node) -> None:
        """If `node` was the first of its group, the group is complete: all that was met since."""
        if self._lowest[node] != self.number[node]:
            return
        group = []
        while True:
            last, _ = self._open.popitem()
            group.append(last)
            if last is node:
                break
        self.found.append(tuple(reversed(group)))
