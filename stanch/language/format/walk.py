"""A file's trees and its text walked through together: the tree says which value comes next, and what stands
between two of them can only be anchors, punctuation, comments and blank lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from stanch.language.format.pieces import Comment, Member, Piece
from stanch.language.format.scan import Scanner
from stanch.language.source import Source
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence

_HEADER = re.compile("[|>][-+0-9]*[ \t]*(#[^\n\r]*)?")
_BREAK = re.compile("\r\n|[\n\r]")
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Walked:
    """A document."""

    preamble: tuple[str, ...]
    """Lines in front of `---`: a directive, comments, and empty ones for blank lines."""
    marked: bool
    """Whether it begins with `---`."""
    beside: Comment | None
    """Behind the `---`."""
    head: tuple[str, ...]
    """Comment and blank lines on top of it; they stay there, whichever key comes first."""
    root: Piece
    cut: tuple[Scalar, ...]
    """Keys between braces that have neither a `:` nor a value: mostly the rest of an expression."""


def walk(source: Source, roots: Iterable[Node]) -> list[Walked]:
    """The documents of a file, whose trees `roots` were read from `source`. Raises OurError."""
    return _Walk(Scanner(source.text)).documents(roots)


class _Walk:
    def __init__(self, scanner: Scanner) -> None:
        self._scan = scanner
        self._cut: list[Scalar] = []

    def documents(self, roots: Iterable[Node]) -> list[Walked]:
        self._scan.advance()
        found = [self._document(root) for root in roots]
        if not self._scan.at_end():
            raise self._scan.lost("the end")
        return found

    def _document(self, node: Node) -> Walked:
        scan = self._scan
        preamble: tuple[str, ...] = ()
        beside = None
        while scan.sees("%"):
            preamble += (*scan.take(), scan.rest_of_line().rstrip())
            scan.advance()
        if marked := scan.at_marker():
            preamble += scan.take()
            beside = scan.mark("---")
        head = scan.take()
        root = self._piece(node, None, -1)
        root = replace(root, foot=root.foot + scan.take())
        cut = tuple(self._cut)
        self._cut.clear()
        return Walked(preamble, marked, beside, head, root, cut)

    def _piece(self, node: Node, opening: Comment | None, around: int) -> Piece:
        """The value that begins here, in a block whose column is `around`."""
        scan = self._scan
        if node.start < scan.done:
            raw = scan.name()
            return Piece(node, raw, alias=True, opening=opening, closing=scan.advance())
        anchor = ""
        if scan.sees("&") and self._is_anchored(node):
            anchor = scan.name()
            opening = scan.either(opening, scan.advance())
        if isinstance(node, Scalar):
            return self._scalar(node, anchor, opening)
        if node.flow:
            return self._flow(node, anchor, opening)
        column = scan.column
        members = tuple(
            self._entry(child, column) if isinstance(child, Entry) else self._item(child, column)
            for child in _children(node)
        )
        # Where a list is not indented, a comment behind it may as well be that of the next key.
        foot = scan.take_foot(column) if column > around else ()
        return Piece(node, anchor=anchor, members=members, opening=opening, foot=foot)

    def _is_anchored(self, node: Node) -> bool:
        """Whether the anchor here is that of `node`, and not of its first key or of what follows it."""
        match node:
            case Scalar():
                return node.start > self._scan.at
            case Sequence():
                return True
            case Mapping():
                return self._scan.at_anchor_of_mapping(flow=node.flow)

    def _scalar(self, node: Scalar, anchor: str, opening: Comment | None) -> Piece:
        scan = self._scan
        if _is_absent(node):
            return Piece(node, anchor=anchor, opening=opening)
        if node.start != scan.at:
            raise scan.lost(repr(node.text[:20]))
        closing = None
        header = _HEADER.match(scan.text, scan.at) if node.style in ("literal", "folded") else None
        if header is not None and header.group(1):
            closing = scan.comment(header.group(1).rstrip(), header.start(1))
        raw = scan.token(node.end)
        if header is not None and _ends_blank(raw, node):
            scan.blank()
        beside = scan.advance()
        return Piece(node, raw, anchor, opening=opening, closing=closing or beside)

    def _flow(self, node: Mapping | Sequence, anchor: str, opening: Comment | None) -> Piece:
        scan = self._scan
        # A mapping of one entry needs no braces in a list: `[key: value]`.
        bracket = next((mark for mark in _CLOSING if scan.sees(mark)), "")
        if bracket:
            opening = scan.either(opening, scan.mark(bracket))
        members = []
        for child in _children(node):
            member = self._entry(child, None) if isinstance(child, Entry) else self._item(child, None)
            if bracket and scan.sees(","):
                closing = scan.either(member.value.closing, scan.mark(","))
                member = replace(member, value=replace(member.value, closing=closing))
            members.append(replace(member, above=tuple(filter(None, member.above))))
        foot: tuple[str, ...] = ()
        closing = None
        if bracket:
            foot = scan.take_comments()
            closing = scan.mark(_CLOSING[bracket])
        return Piece(node, "", anchor, False, tuple(members), opening, closing, foot)

    def _entry(self, entry: Entry, column: int | None) -> Member:
        """An entry of a block whose keys stand in `column`, or of a mapping in braces."""
        scan = self._scan
        above = scan.take()
        if scan.sees("?") and entry.key.start != scan.at:
            comment = scan.mark("?")
            above += comment.lines if comment else ()
            above += scan.take_comments()
        key = self._piece(entry.key, None, -1)
        opening = key.closing
        if scan.sees(":") and not (_is_absent(entry.value) and entry.value.start == scan.at):
            above += scan.take_comments()
            opening = scan.either(opening, scan.mark(":"))
        elif column is None:
            self._cut.append(entry.key)
        above += self._lines_in_front_of(entry.value)
        return Member(
            above,
            replace(key, closing=None),
            self._piece(entry.value, opening, -1 if column is None else column),
        )

    def _item(self, item: Node, column: int | None) -> Member:
        """An item of a block whose dashes stand in `column`, or of a flow list."""
        above = self._scan.take()
        opening = None if column is None else self._scan.mark("-")
        above += self._lines_in_front_of(item)
        return Member(above, None, self._piece(item, opening, -1 if column is None else column))

    def _lines_in_front_of(self, node: Node) -> tuple[str, ...]:
        """The comments in front of a value, unless they are those of its first member or of what follows."""
        is_alias = node.start < self._scan.done
        is_block = not isinstance(node, Scalar) and not node.flow
        return () if not is_alias and (is_block or _is_absent(node)) else self._scan.take_comments()


def _children(node: Mapping | Sequence) -> tuple[Entry | Node, ...]:
    return node.entries if isinstance(node, Mapping) else node.items


def _is_absent(node: Node) -> bool:
    """A null of which nothing is written."""
    return isinstance(node, Scalar) and node.style == "plain" and not node.text


def _ends_blank(raw: str, node: Scalar) -> bool:
    """Whether blank lines behind a block of text are no part of it."""
    lines = _BREAK.split(raw)
    if "+" in lines[0].partition("#")[0] or len(lines) <= 2:
        return False
    return not lines[-2].strip() and not node.text.rstrip("\n").endswith((" ", "\t"))
