"""Pieces as lines: which collections stay in one line, and which comment stands beside or above what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import dropwhile

from stanch.language.format.order import FORMS, Form, form_as_written, in_order
from stanch.language.format.pieces import Comment, Member, Piece
from stanch.language.format.quoting import in_line, in_lines, is_one_line, is_template
from stanch.language.format.walk import Walked
from stanch.language.tree import Mapping, Scalar, Sequence

WIDEST = 100
"""Columns up to which a list or a mapping may stay in one line."""
LONGEST_KEY = 900
"""Characters; YAML reads a longer one only behind a `?`."""


@dataclass(frozen=True, slots=True)
class Line:
    indent: int
    code: str
    beside: Comment | None = None
    keeps: bool = False
    """Of a block of text to which blank lines behind it belong: there may be none but its own."""

    def __str__(self) -> str:
        line = " " * self.indent + self.code if self.code else ""
        if self.beside is None:
            return line
        # Comments that were aligned stay so, unless what they stand behind is written anew.
        gap = self.beside.gap if self.beside.before == self.code else 0
        line += " " * max(gap, 2)
        return line + f"\n{' ' * len(line)}".join(self.beside.lines)


def lay_out(document: Walked, form: Form, sort: bool, first: bool) -> list[Line]:
    """The lines of one document. `sort` says whether keys may change places: an alias stands behind its
    anchor. `first` is whether no other document is above it.
    """
    root = document.root
    head, foot = list(document.head), list(root.foot)
    layout = _Layout(sort)
    if not root.is_collection:
        body = layout.root(root)
    else:
        head += _lines_of(root.opening)
        foot = [*_lines_of(root.closing), *foot]
        body = [Line(0, root.anchor)] if root.anchor else []
        body += layout.members(root, form, 0) or [Line(0, _in_brackets(root, ""))]
    lines = [Line(0, "...")] if document.preamble and not first else []
    lines += _own_lines(_from_start(document.preamble), 0)
    lines += [Line(0, "---", document.beside)] if document.marked else []
    lines += _own_lines(_from_start(head), 0) + body
    lines += _own_lines(_to_end(foot), 0)
    return [line for at, line in enumerate(lines) if line.code or line.keeps or not lines[at - 1].keeps]


class _Layout:
    def __init__(self, sort: bool) -> None:
        self._sort = sort

    def root(self, scalar: Piece) -> list[Line]:
        return self._scalar(Member((), None, scalar), [Line(0, "")], 0, cel=False)

    def members(self, piece: Piece, form: Form, indent: int) -> list[Line]:
        form = form_as_written(form, piece.node)
        sorts = self._sort and isinstance(piece.node, Mapping)
        lines: list[Line] = []
        for member in in_order(piece.members, form) if sorts else piece.members:
            written = self._member(member, form, indent)
            while not lines and not written[0].code:
                del written[0]
            lines += written
        return lines

    def _member(self, member: Member, form: Form, indent: int) -> list[Line]:
        value, inner, cel = member.value, form, False
        if member.key is not None:
            inner, cel = form.of(member.name), form.is_cel(member.name)
        if form is FORMS["runbook"] and member.name == "steps":
            value = _spaced(value)
        head = _head(member.key, indent)
        if not value.is_collection:
            return self._scalar(member, head, indent, cel)
        room = WIDEST - indent - len(head[-1].code) - 1
        text = _one_line(value, inner, room, is_item=member.key is None)
        if text is None:
            return self._block(replace(member, value=value), head, inner, indent)
        above, beside = _one_beside(value)
        lines = _own_lines((*member.above, *value.foot, *above), indent)
        return [*lines, *_behind(head, value.anchor, text, beside)]

    def _scalar(self, member: Member, head: list[Line], indent: int, cel: bool) -> list[Line]:
        value = member.value
        above, beside = _one_beside(value)
        lines = [*_own_lines((*member.above, *above), indent)]
        if value.alias or is_one_line(value):
            return [*lines, *_behind(head, value.anchor, in_line(value, cel), beside)]
        first, *rest = in_lines(value)
        if not rest:
            return [*lines, *_behind(head, value.anchor, first, beside)]
        if isinstance(value.node, Scalar) and value.node.style in ("literal", "folded"):
            keeps = first.endswith("+")
            text = [Line(indent + 2, line, None, keeps) for line in rest]
            header = _behind(head, value.anchor, first, beside)
            return [*lines, *header[:-1], replace(header[-1], keeps=keeps), *text]
        between = [Line(indent + 2, line) for line in rest[:-1]]
        return [*lines, *_behind(head, value.anchor, first), *between, Line(indent + 2, rest[-1], beside)]

    def _block(self, member: Member, head: list[Line], inner: Form, indent: int) -> list[Line]:
        value = member.value
        children = self.members(value, inner, indent + 2)
        if member.key is None and not value.anchor:
            return _item(member, children, indent)
        foot = value.foot if value.opening is None else (*value.foot, *_lines_of(value.closing))
        return [
            *_own_lines(member.above, indent),
            *_behind(head, value.anchor, "", value.opening or value.closing),
            *children,
            *_own_lines(foot, indent + 2),
        ]


def _item(member: Member, children: list[Line], indent: int) -> list[Line]:
    """A mapping or list in a list. The dash stands in front of its first line that is no comment; those, and
    what stood beside the dash or a bracket, come to stand on top.
    """
    value = member.value
    above = [*member.above, *_lines_of(value.opening), *_lines_of(value.closing)]
    begin = next(at for at, line in enumerate(children) if line.code and not line.code.startswith("#"))
    above += [line.code for line in children[:begin] if line.code]
    first = replace(children[begin], indent=indent, code=f"- {children[begin].code}")
    foot = _own_lines(value.foot, indent + 2)
    return [*_own_lines(above, indent), first, *children[begin + 1 :], *foot]


def _from_start(lines: Iterable[str]) -> list[str]:
    """Without the blank lines on top."""
    return list(dropwhile(lambda line: not line, lines))


def _to_end(lines: Iterable[str]) -> list[str]:
    """Without the blank lines at the end."""
    return _from_start(reversed([*lines]))[::-1]


def _own_lines(lines: Iterable[str], indent: int) -> list[Line]:
    return [Line(indent, line) for line in lines]


def _head(key: Piece | None, indent: int) -> list[Line]:
    """What a value stands behind: `key:`, `-`, or a long key behind a `?` and a `:`."""
    if key is None:
        return [Line(indent, "-")]
    short = key.alias or is_one_line(key)
    text = [in_line(key, False)] if short else in_lines(key)
    text[0] = f"{key.anchor} {text[0]}" if key.anchor else text[0]
    if short and len(text[0]) <= LONGEST_KEY:
        return [Line(indent, f"{text[0]} :" if key.alias else f"{text[0]}:")]
    lines = [Line(indent, f"? {text[0]}"), *(Line(indent + 2, line) for line in text[1:])]
    return [*lines, Line(indent, ":")]


def _behind(head: list[Line], anchor: str, text: str, beside: Comment | None = None) -> list[Line]:
    code = " ".join(filter(None, (head[-1].code, anchor, text)))
    return [*head[:-1], replace(head[-1], code=code, beside=beside)]


def _lines_of(comment: Comment | None) -> tuple[str, ...]:
    return comment.lines if comment else ()


def _one_beside(value: Piece) -> tuple[tuple[str, ...], Comment | None]:
    """Only one comment has room behind a line; the other one stands above."""
    if value.opening and value.closing:
        return value.opening.lines, value.closing
    return (), value.opening or value.closing


def _in_brackets(piece: Piece, text: str) -> str:
    return "{" + text + "}" if isinstance(piece.node, Mapping) else f"[{text}]"


def _one_line(value: Piece, form: Form, room: int, *, is_item: bool) -> str | None:
    """A collection in brackets, if it may stay there: it is short and flat, and neither a step or the like
    in a list nor a mapping with an expression, which YAML would cut at its first comma.
    """
    if not value.members:
        return _in_brackets(value, "")
    if not value.is_flow or value.foot or (is_item and not form.tabular and isinstance(value.node, Mapping)):
        return None
    written = []
    for member in value.members:
        key = member.key
        if member.above or not _is_short(member.value) or (key and not _is_short(key)):
            return None
        if key and (form.is_cel(member.name) or is_template(member.value)):
            return None
        text = in_line(member.value, False)
        written.append(f"{in_line(key, False)}: {text}" if key else text)
    text = _in_brackets(value, ", ".join(written))
    return text if len(text) + len(f"{value.anchor} ".lstrip()) <= room else None


def _is_short(piece: Piece) -> bool:
    return piece.is_bare and is_one_line(piece)


def _spaced(steps: Piece) -> Piece:
    """A blank line between all of the steps, where there is one between any."""
    rest = steps.members[1:]
    if not isinstance(steps.node, Sequence) or not any("" in member.above for member in rest):
        return steps
    rest = tuple(
        member if "" in member.above else replace(member, above=("", *member.above)) for member in rest
    )
    return replace(steps, members=(*steps.members[:1], *rest))
