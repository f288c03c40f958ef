"""YAML to a tree with places: PyYAML's C parser gives events, this builds the tree, without recursion.

What the parser would accept and a runbook must not contain is refused here by name: tags, merge keys,
duplicate keys, aliases that explode, depth, size. Where the tree behind such a place is still certain the
reading goes on, so that one pass finds the other mistakes too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

import yaml

from stanch.language.diagnostics import Related, Report
from stanch.language.scalar import NotANumber, Value, resolve
from stanch.language.source import START, Source, Span
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence, Style
from stanch.language.yaml_error import YamlError, explain

LARGEST_FILE = 1 << 20
"""Bytes."""
DEEPEST = 64
MOST_ALIASED = 10_000
"""Nodes that all aliases of a file may stand for together."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_STYLES: dict[str | None, Style] = {"'": "single", '"': "double", "|": "literal", ">": "folded"}


class _Refused(Exception):
    """The rest of the file is not read; the report has the reason."""


@dataclass(slots=True)
class _Frame:
    """A list or mapping that has begun and not ended."""

    event: yaml.CollectionStartEvent
    mapping: bool
    items: list[Node] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    keys: dict[str, Scalar] = field(default_factory=dict)
    key: Scalar | None = None
    drop: bool = False
    """The value of `key` is not kept, because the key was refused."""
    size: int = 1


_Anchors: TypeAlias = dict[str, tuple[Node, int] | None]


def read(path: str, content: str | bytes, report: Report) -> tuple[Source, Node | None]:
    """The source and its tree; None when there is no tree, and then `report` says why."""
    text = _decode(content, report)
    source = Source(path, text)
    if report.failed:
        return source, None
    if (found := _UNPRINTABLE.search(text)) is not None:
        span = source.span(found.start(), found.end())
        report.add("RB110", span, f"the character U+{ord(found.group()):04X} is not allowed in YAML")
        return source, None
    try:
        return source, _Builder(source, report).build()
    except _Refused:
        return source, None
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.index if error.problem_mark else 0
        begun = error.context_mark.index if error.context_mark else at
        explain(YamlError(error.problem or "not understood", error.context or "", at, begun), source, report)
        return source, None


def _decode(content: str | bytes, report: Report) -> str:
    size = len(content) if isinstance(content, bytes) else len(content.encode(errors="replace"))
    if size > LARGEST_FILE:
        report.add("RB103", START, f"the file has {size:,} bytes; a runbook has at most {LARGEST_FILE:,}")
        return ""
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = content[: error.start].decode(errors="replace")
        at = Source(report.path, good).span(len(good), len(good))
        hint = "save the file as UTF-8"
        report.add("RB102", at, f"byte 0x{content[error.start]:02x} is not UTF-8", hint)
        return good


class _Builder:
    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report
        self._stack: list[_Frame] = []
        self._anchors: _Anchors = {}
        self._aliased = 0
        self._root: Node | None = None
        self._documents = 0

    def build(self) -> Node | None:
        for event in yaml.parse(self._source.text, Loader=_LOADER):
            match event:
                case yaml.ScalarEvent():
                    self._put(self._scalar(event), 1, event.anchor)
                case yaml.CollectionStartEvent():
                    self._open(event)
                case yaml.CollectionEndEvent():
                    self._close(event)
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    self._document(event)
        empty = isinstance(self._root, Scalar) and self._root.value is None
        if self._root is None or empty:
            self._report.add("RB109", START, "the file is empty", "a runbook begins with `runbook: NAME`")
            return None
        return self._root

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "put each runbook into a file of its own"
            self._refuse("RB109", _place(event, event)[0], "a second document begins here", hint)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        span, start, end = _place(event, event)
        style = _STYLES.get(event.style, "plain")
        value: Value = event.value
        refused = self._no_tag(event)
        if style == "plain" and not refused:
            try:
                value = resolve(event.value)
            except NotANumber as error:
                self._report.add("RB111", span, str(error), "quote it if it is text")
                value, refused = 0, True
        return Scalar(value, event.value, span, style, start, end, refused)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        self._no_tag(event)
        if len(self._stack) >= DEEPEST:
            self._refuse("RB104", _place(event, event)[0], f"nested deeper than {DEEPEST} levels")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(event, isinstance(event, yaml.MappingStartEvent)))

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        frame = self._stack.pop()
        span, start, end = _place(frame.event, event)
        flow = bool(frame.event.flow_style)
        node: Node
        if frame.mapping:
            node = Mapping(tuple(frame.entries), span, flow, start, end)
        else:
            node = Sequence(tuple(frame.items), span, flow, start, end)
        self._put(node, frame.size, frame.event.anchor)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            self._refuse(
                "RB101", _place(event, event)[0], f"the anchor `&{event.anchor}` is not defined before this"
            )
        known = self._anchors[event.anchor]
        if known is None:
            self._refuse(
                "RB107", _place(event, event)[0], f"`*{event.anchor}` stands inside of what it repeats"
            )
        node, size = known
        self._aliased += size
        if self._aliased > MOST_ALIASED:
            message = f"the file's aliases stand for more than {MOST_ALIASED:,} values"
            self._refuse("RB107", _place(event, event)[0], message)
        self._put(node, size, None)

    def _put(self, node: Node, size: int, anchor: str | None) -> None:
        """Put a finished node where it belongs: the root, a list, a key or the value of the last key."""
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        frame.size += size
        if not frame.mapping:
            frame.items.append(node)
        elif frame.key is None:
            frame.key, frame.drop = self._key(node, frame)
        else:
            if not frame.drop:
                frame.entries.append(Entry(frame.key, node))
            frame.key = None

    def _key(self, node: Node, frame: _Frame) -> tuple[Scalar, bool]:
        """The key, and whether it was refused."""
        if not isinstance(node, Scalar):
            self._report.add("RB112", node.span.first(1), "a key is text, not a list or a mapping")
            return Scalar("", "", node.span), True
        if node.text == "<<" and node.style == "plain":
            hint = "write the keys out, or move the step into a runbook of its own"
            self._report.add("RB108", node.span, "the merge key `<<` is not read", hint)
            return node, True
        if not isinstance(node.value, str):
            hint = f'quote it: `"{node.text}"`'
            self._report.add("RB112", node.span, f"the key `{node.text}` is not text", hint)
            return node, True
        if (first := frame.keys.get(node.text)) is not None:
            related = (Related(first.span, "first here"),)
            message = f"`{node.text}` stands twice in this mapping"
            self._report.add("RB105", node.span, message, None, related)
            return node, True
        frame.keys[node.text] = node
        return node, False

    def _no_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> bool:
        """Whether there is a tag; it is reported."""
        if event.tag is None:
            return False
        span = _place(event, event)[0]
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        if (
            tag.startswith("!")
            and not tag.startswith("!!")
            and tag != "!"
            and isinstance(event, yaml.ScalarEvent)
        ):
            message = f"YAML takes `{tag}` for a tag, not for a part of the expression"
            whole = f"{tag} {event.value}".strip()
            self._report.add("RB113", span, message, f"quote the expression: `'{whole}'`")
        else:
            self._report.add("RB106", span, f"the YAML tag `{tag}` is not read", "leave the tag away")
        return True

    def _refuse(self, code: str, span: Span, message: str, hint: str | None = None) -> NoReturn:
        self._report.add(code, span, message, hint)
        raise _Refused


def _place(first: yaml.Event, last: yaml.Event) -> tuple[Span, int, int]:
    """The span from the start of `first` to the end of `last`, and the same as offsets."""
    start, end = first.start_mark, last.end_mark
    if start is None or end is None:
        return START, 0, 0
    span = Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
    return span, start.index, end.index
