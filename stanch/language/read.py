"""YAML to trees with places: PyYAML's C parser gives events, this builds the trees, without recursion. Files
in which nothing needs a parser are read in half the time by `plain_lines`.

What the parser would accept and a runbook must not contain is refused here by name: directives, tags, merge
keys, duplicate keys, aliases that explode, depth, size. Where the tree behind such a place is still certain
the reading goes on, so that one pass finds the other mistakes too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

import yaml

from stanch.language.characters import LARGEST_FILE, decode
from stanch.language.diagnostics import Report
from stanch.language.events import (
    ALIAS,
    BEGIN,
    DOCUMENT,
    END,
    MAPPING,
    SCALAR,
    STREAM_END,
    STYLES,
    Event,
    events_of,
)
from stanch.language.plain_lines import read_plain
from stanch.language.scalar import CONSTANTS, NUMBERISH, NotANumber, Value, resolve
from stanch.language.source import START, Source, Span, shortened
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence
from stanch.language.unread import LONGEST_KEY, has_directive, is_name, report_key, report_tag
from stanch.language.yaml_error import YamlError, explain

DEEPEST = 64
MOST_VALUES = 100_000
"""In one file, keys among them; a file of the largest size has fewer when people wrote it."""
MOST_ALIASED = 10_000
"""Values that all aliases of a file may stand for together."""
MOST_DOCUMENTS = 20

_ANCHOR = re.compile(r"&[\w-]", re.ASCII)
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:\s|#[^\n\r]*)*)+")
"""An anchor, a tag, and what may stand between them and their value."""


class _Refused(Exception):
    """The rest of the file is not read; the report has the reason."""


@dataclass(slots=True)
class _Frame:
    """A list or mapping that has begun and not ended."""

    event: Event
    before: int
    """How many values the file has in front of it."""
    items: list[Node]
    entries: dict[str, Entry] | None
    """None in a list."""
    key: Scalar | None
    """In whatever this stands in: the key whose value it is."""
    drop: bool = False
    """The next value is not kept, because its key was refused."""
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
    if (root := read_plain(source)) is not None:
        return source, (root,)
    return source, parse_all(source, report, most)


def parse_all(source: Source, report: Report, most: int = MOST_DOCUMENTS) -> tuple[Node, ...]:
    """The trees of a text that has no directives, by PyYAML's parser, whatever stands in it."""
    builder = _Builder(source, report, most)
    try:
        return builder.build()
    except _Refused:
        return ()
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.index if error.problem_mark else 0
        begun = error.context_mark.index if error.context_mark else at
        problem, context = error.problem or "not understood", error.context or ""
        complaint = YamlError(problem, context, at, begun, builder.opened(), builder.last())
        explain(complaint, source, report)
        return ()


class _Builder:
    """The state of one reading: what has been named, and how much there was of everything."""

    def __init__(self, source: Source, report: Report, most: int) -> None:
        self._source = source
        self._report = report
        self._most = most
        self._stack: list[_Frame] = []
        self._roots: list[Node] = []
        self._documents: list[Event] = []
        """What each begins with."""
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        """Of this document: the node and how many values it has; None while it has not ended."""
        self._values = 0
        self._aliased = 0
        self._counted = len(source.text) * 4 > MOST_VALUES or _ANCHOR.search(source.text) is not None
        """Whether there may be too many values: without aliases, no file has four of them a character."""

    # Calls took a third of the time that is not the parser's own, so nearly all scalars and keys are made
    # here, and in methods what is seldom: 500 scalars of a runbook take 0.3 ms beside the parser's 0.6.
    def build(self) -> tuple[Node, ...]:  # noqa: C901, PLR0912, PLR0915 (each call saved is 30 us a runbook)
        source, stack, counted = self._source, self._stack, self._counted
        next_event = events_of(source.text)
        frame: _Frame | None = None
        entries: dict[str, Entry] | None = None
        key: Scalar | None = None
        node: Node
        while (kind := type(event := next_event())) is not STREAM_END:
            if kind is SCALAR:
                if counted:
                    self._count(event)
                text, style = event.value, event.style
                bare = event.tag is None and event.anchor is None
                if bare and (style or (text not in CONSTANTS and text[0] not in NUMBERISH)):
                    start = event.start_mark.index
                    node = Scalar(text, text, source, STYLES[style], start, event.end_mark.index)
                    if key is None and entries is not None:
                        key = self._key(node, entries) if _is_odd(node, entries, source) else node
                        continue
                else:
                    node = self._scalar(event)
            elif kind in BEGIN:
                frame = self._open(event, {} if kind is MAPPING else None, key)
                entries, key = frame.entries, None
                continue
            elif kind in END:
                node, key = self._close(stack.pop(), event)
                frame = stack[-1] if stack else None
                entries = None if frame is None else frame.entries
            elif kind is ALIAS:
                node = self._alias(event)
            else:
                if kind is DOCUMENT:
                    self._document(event)
                continue
            if frame is None:
                self._roots.append(node)
            elif entries is None:
                frame.items.append(node)
            elif key is None:
                key = self._key(node, entries)
            elif frame.drop:
                key, frame.drop = None, False
            else:
                entries[key.text] = Entry(key.text, node, key)
                key = None
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

    def _document(self, event: Event) -> None:
        self._anchors = {}
        self._documents.append(event)
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
        empty = [event for event, root in pairs if isinstance(root, Scalar) and root.value is None]
        if len(empty) == len(pairs) <= 1:
            self._report.add("RB109", START, "the file is empty", "a runbook begins with `runbook: NAME`")
        else:
            for event in empty:
                hint = "delete its `---`, or write a runbook behind it"
                self._report.add("RB109", self._span(event), "the document that begins here is empty", hint)
        return tuple(root for root in self._roots if not _is_nothing(root))

    def _count(self, event: Event) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            self._refuse("RB103", event, f"the file has more than {MOST_VALUES:,} values")

    def _scalar(self, event: Event) -> Scalar:
        """One that has a tag or an anchor, or may be other than text."""
        text, start, end = event.value, event.start_mark.index, event.end_mark.index
        style = STYLES[event.style]
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

    def _open(self, event: Event, entries: dict[str, Entry] | None, key: Scalar | None) -> _Frame:
        if event.tag is not None:
            report_tag(event.tag, None, self._span(event), self._report)
        if len(self._stack) >= DEEPEST:
            self._refuse("RB104", event, f"nested deeper than {DEEPEST} levels")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if self._counted:
            self._count(event)
        frame = _Frame(event, self._values - 1, [], entries, key)
        self._stack.append(frame)
        return frame

    def _close(self, frame: _Frame, event: Event) -> tuple[Node, Scalar | None]:
        """The list or mapping that `event` ends, and the key whose value it is."""
        begun, entries = frame.event, frame.entries
        start, end, flow = begun.start_mark.index, event.end_mark.index, bool(begun.flow_style)
        if begun.anchor is not None or begun.tag is not None:
            start = self._behind_properties(start, end)
        node: Node
        if entries is not None and not frame.cut:
            held = tuple(entries.values())
            if held and not flow:
                end = _end_of_block(held[-1].value, start, end)
            node = Mapping(held, self._source, flow, start, end, entries)
        elif frame.cut:
            node = Scalar("", self._source.text[start:end], self._source, "plain", start, end, True)
        else:
            items = tuple(frame.items)
            if items and not flow:
                end = _end_of_block(items[-1], start, end)
            node = Sequence(items, self._source, flow, start, end)
        if begun.anchor is not None:
            self._anchors[begun.anchor] = (node, self._values - frame.before)
        return node, frame.key

    def _alias(self, event: Event) -> Node:
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

    def _check_name(self, event: Event) -> None:
        """Refuse a name of an anchor or alias that the parser ends and YAML 1.2 does not."""
        text, start = self._source.text, event.start_mark.index
        end = start + 1 + len(event.anchor or "")
        if text.startswith(("&", "*"), start) and text.startswith((":", "?", "%", "@", "`"), end):
            message = f"YAML ends the name of `{shortened(text[start:end])}` in front of the `{text[end]}`"
            self._refuse("RB101", event, message, "put a space behind the name, or quote what is text")

    def _key(self, node: Node, entries: dict[str, Entry]) -> Scalar:
        """The key of the value that comes next, which is dropped when the key is refused."""
        if (
            isinstance(node, Scalar)
            and isinstance(node.value, str)
            and node.text not in entries
            and is_name(node, self._source)
        ):
            return node
        frame = self._stack[-1]
        frame.drop = True
        scalar = node if isinstance(node, Scalar) else Scalar("", "", node.span)
        frame.cut |= report_key(node, entries.get(scalar.text), self._source, self._report)
        return scalar

    def _span(self, event: Event) -> Span:
        return self._source.span(event.start_mark.index, event.end_mark.index)

    def _refuse(self, code: str, event: Event, message: str, hint: str | None = None) -> NoReturn:
        self._report.add(code, self._span(event), message, hint)
        raise _Refused


def _is_nothing(root: Node) -> bool:
    return isinstance(root, Scalar) and (root.value is None or root.refused)


def _end_of_block(last: Node, start: int, noticed: int) -> int:
    """The parser notices the end of a block only where the next one begins; an alias ends elsewhere."""
    return last.end if last.start >= start else noticed


__all__ = [
    "DEEPEST",
    "LARGEST_FILE",
    "MOST_ALIASED",
    "MOST_DOCUMENTS",
    "MOST_VALUES",
    "parse_all",
    "read",
    "read_all",
]


def _is_odd(key: Scalar, entries: dict[str, Entry], source: Source) -> bool:
    """Whether it takes a second look: it is there already, may be a merge key, touch a `?`, or is long."""
    text = key.text
    return text in entries or text == "<<" or source.text[key.start - 1] == "?" or len(text) > LONGEST_KEY
