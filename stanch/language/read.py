"""YAML to trees with places: PyYAML's C parser gives events, this builds the trees, without recursion.

What the parser would accept and a runbook must not contain is refused here by name: directives, tags, merge
keys, duplicate keys, aliases that explode, depth, size. Where the tree behind such a place is still certain
the reading goes on, so that one pass finds the other mistakes too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn, Protocol

import yaml

from stanch.language.characters import LARGEST_FILE, decode
from stanch.language.diagnostics import Report
from stanch.language.scalar import NOT_TEXT, NotANumber, Value, resolve
from stanch.language.source import START, Source, Span, shortened
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence, Style
from stanch.language.unread import has_directive, is_name, report_key, report_tag
from stanch.language.yaml_error import YamlError, explain

DEEPEST = 64
MOST_VALUES = 100_000
"""In one file, keys among them; a file of the largest size has fewer when people wrote it."""
MOST_ALIASED = 10_000
"""Values that all aliases of a file may stand for together."""
MOST_DOCUMENTS = 20

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALAR = yaml.ScalarEvent
_ALIAS = yaml.AliasEvent
_MAPPING = yaml.MappingStartEvent
_DOCUMENT = yaml.DocumentStartEvent
_STREAM_END = yaml.StreamEndEvent
_BEGIN = frozenset((_MAPPING, yaml.SequenceStartEvent))
_END = frozenset((yaml.MappingEndEvent, yaml.SequenceEndEvent))
_STYLES: dict[str | None, Style] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:\s|#[^\n\r]*)*)+")
"""An anchor, a tag, and what may stand between them and their value."""


class _Mark(Protocol):
    index: int
    """Characters before it."""


class _Event(Protocol):
    """What is asked of the parser's events; each kind of them has some of it."""

    start_mark: _Mark
    end_mark: _Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None


class _Refused(Exception):
    """The rest of the file is not read; the report has the reason."""


@dataclass(slots=True)
class _Frame:
    """A list or mapping that has begun and not ended."""

    event: _Event
    before: int
    """How many values the file has in front of it."""
    items: list[Node]
    entries: dict[str, Entry] | None
    """None in a list."""
    key: Scalar | None = None
    drop: bool = False
    """The value of `key` is not kept, because the key was refused."""
    cut: bool = False
    """It is a piece of text that YAML took for a mapping; that is reported."""


def read(path: str, content: str | bytes, report: Report) -> tuple[Source, Node | None]:
    """The source and the tree of its one document; None when there is no tree, and then `report` says why."""
    source, roots = _read(path, content, report, 1)
    return source, roots[0] if roots else None


def read_all(path: str, content: str | bytes, report: Report) -> tuple[Source, tuple[Node, ...]]:
    """The source and the trees of its documents, between which `---` stands, in order.

    A document with nothing in it is reported and left out. No tree at all when the file cannot be read to its
    end; then, too, `report` says why.
    """
    return _read(path, content, report, MOST_DOCUMENTS)


def _read(path: str, content: str | bytes, report: Report, most: int) -> tuple[Source, tuple[Node, ...]]:
    source, readable = decode(path, content, report)
    if not readable or has_directive(source, report):
        return source, ()
    builder = _Builder(source, report, most)
    try:
        return source, builder.build()
    except _Refused:
        return source, ()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.index if error.problem_mark else 0
        begun = error.context_mark.index if error.context_mark else at
        problem, context = error.problem or "not understood", error.context or ""
        complaint = YamlError(problem, context, at, begun, builder.opened(), builder.last())
        explain(complaint, source, report)
        return source, ()


class _Builder:
    """The state of one reading: what has been named, and how much there was of everything."""

    def __init__(self, source: Source, report: Report, most: int) -> None:
        self._source = source
        self._report = report
        self._most = most
        self._stack: list[_Frame] = []
        self._roots: list[Node] = []
        self._documents: list[Span] = []
        """Where each begins."""
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        """Of this document: the node and how many values it has; None while it has not ended."""
        self._values = 0
        self._aliased = 0

    def build(self) -> tuple[Node, ...]:
        next_event = _LOADER(_ended(self._source.text)).get_event
        stack = self._stack
        frame: _Frame | None = None
        node: Node
        while (kind := type(event := next_event())) is not _STREAM_END:
            if kind is _SCALAR:
                node = self._scalar(event)
            elif kind in _BEGIN:
                frame = self._open(event, kind is _MAPPING, len(stack))
                stack.append(frame)
                continue
            elif kind in _END:
                node = self._close(stack.pop(), event)
                frame = stack[-1] if stack else None
            elif kind is _ALIAS:
                node = self._alias(event)
            else:
                if kind is _DOCUMENT:
                    self._document(event)
                continue
            if frame is None:
                self._roots.append(node)
            elif (entries := frame.entries) is None:
                frame.items.append(node)
            elif (key := frame.key) is None:
                frame.key = self._key(node, frame, entries)
            else:
                frame.key = None
                if not frame.drop:
                    entries[key.text] = Entry(key, node)
        return self._filled()

    def opened(self) -> int | None:
        """Where the innermost list or mapping begins, when it has brackets and they are not closed."""
        if not self._stack or not self._stack[-1].event.flow_style:
            return None
        start = self._stack[-1].event.start_mark.index
        return self._behind_properties(start, len(self._source.text))

    def last(self) -> int | None:
        """Where the last value begins of the innermost list or mapping that has not ended."""
        frame = self._stack[-1] if self._stack else None
        if frame is None:
            return None
        nodes = frame.items if frame.entries is None else [entry.value for entry in frame.entries.values()]
        return nodes[-1].start if nodes else None

    def _document(self, event: _Event) -> None:
        self._anchors = {}
        self._documents.append(self._span(event))
        if len(self._documents) <= self._most:
            return
        if self._most == 1:
            self._refuse("RB109", event, "a second document begins here", "put it into a file of its own")
        self._refuse(
            "RB109", event, f"a file has at most {self._most} documents", "put the others into another file"
        )

    def _filled(self) -> tuple[Node, ...]:
        """The documents that have something in them; the others are reported, unless they were already."""
        pairs = list(zip(self._documents, self._roots, strict=True))
        empty = [span for span, root in pairs if isinstance(root, Scalar) and root.value is None]
        if len(empty) == len(pairs) <= 1:
            self._report.add("RB109", START, "the file is empty", "a runbook begins with `runbook: NAME`")
        else:
            for span in empty:
                hint = "delete its `---`, or write a runbook behind it"
                self._report.add("RB109", span, "the document that begins here is empty", hint)
        return tuple(root for root in self._roots if not _is_nothing(root))

    def _scalar(self, event: _Event) -> Scalar:
        text, start, end = event.value, event.start_mark.index, event.end_mark.index
        style = _STYLES[event.style]
        self._values += 1
        if self._values > MOST_VALUES:
            self._too_many(event)
        if event.tag is None and event.anchor is None and (style != "plain" or text[:1] not in NOT_TEXT):
            return Scalar(text, text, self._source, style, start, end)  # nearly all of them
        value: Value = text
        refused = False
        if event.tag is not None:
            report_tag(event.tag, text, self._span(event), self._report)
            refused = True
        elif style == "plain":
            try:
                value = resolve(text)
            except NotANumber as error:
                self._report.add("RB111", self._span(event), str(error), "quote it if it is text")
                value, refused = 0, True
        if event.tag is not None or event.anchor is not None:
            start = self._behind_properties(start, end)
            self._check_name(event)
        node = Scalar(value, text, self._source, style, start, end, refused)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, 1)
        return node

    def _behind_properties(self, start: int, end: int) -> int:
        """Where the value begins whose anchor or tag begins at `start`."""
        found = _PROPERTIES.match(self._source.text, start, end)
        return found.end() if found else start

    def _open(self, event: _Event, mapping: bool, depth: int) -> _Frame:
        if event.tag is not None:
            report_tag(event.tag, None, self._span(event), self._report)
        if depth >= DEEPEST:
            self._refuse("RB104", event, f"nested deeper than {DEEPEST} levels")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._values += 1
        if self._values > MOST_VALUES:
            self._too_many(event)
        return _Frame(event, self._values - 1, [], {} if mapping else None)

    def _close(self, frame: _Frame, event: _Event) -> Node:
        begun = frame.event
        start, end, flow = begun.start_mark.index, event.end_mark.index, bool(begun.flow_style)
        if begun.anchor is not None or begun.tag is not None:
            start = self._behind_properties(start, end)
        node: Node
        if frame.cut:
            node = Scalar("", self._source.text[start:end], self._source, "plain", start, end, True)
        elif frame.entries is None:
            items = tuple(frame.items)
            end = end if flow or not items else _end_of_block(items[-1], start, end)
            node = Sequence(items, self._source, flow, start, end)
        else:
            entries = tuple(frame.entries.values())
            end = end if flow or not entries else _end_of_block(entries[-1].value, start, end)
            node = Mapping(entries, self._source, flow, start, end, frame.entries)
        if begun.anchor is not None:
            self._anchors[begun.anchor] = (node, self._values - frame.before)
        return node

    def _alias(self, event: _Event) -> Node:
        name = event.anchor
        shown = shortened(name or "")
        self._check_name(event)
        if name not in self._anchors:
            message = f"the anchor `&{shown}` is not defined before this"
            self._refuse("RB101", event, message, f'quote it if it is text: `"*{shown}"`')
        known = self._anchors[name]
        if known is None:
            self._refuse("RB107", event, f"`*{shown}` stands inside of what it repeats")
        node, size = known
        self._values += size
        self._aliased += size
        if self._aliased > MOST_ALIASED:
            self._refuse("RB107", event, f"the file's aliases stand for more than {MOST_ALIASED:,} values")
        return node

    def _check_name(self, event: _Event) -> None:
        """Refuse a name of an anchor or alias that the parser ends and YAML 1.2 does not."""
        text, start = self._source.text, event.start_mark.index
        end = start + 1 + len(event.anchor or "")
        if text.startswith(("&", "*"), start) and text.startswith((":", "?", "%", "@", "`"), end):
            message = f"YAML ends the name of `{shortened(text[start:end])}` in front of the `{text[end]}`"
            self._refuse("RB101", event, message, "put a space behind the name, or quote what is text")

    def _key(self, node: Node, frame: _Frame, entries: dict[str, Entry]) -> Scalar:
        """The key of the value that comes next, which is dropped when the key is refused."""
        if (
            isinstance(node, Scalar)
            and isinstance(node.value, str)
            and node.text not in entries
            and is_name(node, self._source)
        ):
            frame.drop = False
            return node
        frame.drop = True
        scalar = node if isinstance(node, Scalar) else Scalar("", "", node.span)
        frame.cut |= report_key(node, entries.get(scalar.text), self._source, self._report)
        return scalar

    def _too_many(self, event: _Event) -> NoReturn:
        self._refuse("RB103", event, f"the file has more than {MOST_VALUES:,} values")

    def _span(self, event: _Event) -> Span:
        return self._source.span(event.start_mark.index, event.end_mark.index)

    def _refuse(self, code: str, event: _Event, message: str, hint: str | None = None) -> NoReturn:
        self._report.add(code, self._span(event), message, hint)
        raise _Refused


def _ended(text: str) -> str:
    """`text` with an end to a last line of nothing but spaces, which the parser would not take for a line."""
    return text + "\n" if text.endswith(" ") and text.rstrip(" ").endswith(("\n", "\r")) else text


def _is_nothing(root: Node) -> bool:
    return isinstance(root, Scalar) and (root.value is None or root.refused)


def _end_of_block(last: Node, start: int, noticed: int) -> int:
    """The parser notices the end of a block only where the next one begins; an alias ends elsewhere."""
    return last.end if last.start >= start else noticed


__all__ = ["DEEPEST", "LARGEST_FILE", "MOST_ALIASED", "MOST_DOCUMENTS", "MOST_VALUES", "read", "read_all"]
