"""The tree of a file whose YAML is of the plainest kind: a line is a key, an item, or a key with its value.

So people write nearly all of their runbooks, and it takes no parser: a pattern takes the lines apart, their
indentation says what stands in what, and each value is a word, a text in quotes, a list or mapping that ends
in its line, or one paragraph behind `>-`, `|-` or `|`. A file in which anything else stands, a mistake above
all, is read by PyYAML from its first line to its last. A test holds the two against each other: whatever is
read here has the very tree that PyYAML's events make. It takes half the time.
"""

from __future__ import annotations

import re
from itertools import accumulate
from operator import add
from typing import TypeAlias

from stanch.language.scalar import CONSTANTS, NUMBERISH, NotANumber, Value, resolve
from stanch.language.source import Source
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence

LONGEST = 100_000
"""Characters of a file that is read here, so that nothing has to be counted; a long runbook has 30,000."""
DEEPEST = 50
"""Lists and mappings inside of each other."""

# Every repetition is possessive (`*+`): no line is tried in two ways, so time grows with the text alone.
_NAME = r"[A-Za-z_][\w.-]{0,99}+"
_QUOTED = r"""\"[^\"\\\n]*+(?:\\[\"\\nt][^\"\\\n]*+)*+\"|'[^'\n]*+(?:''[^'\n]*+)*+'"""
_PLAIN = r"""(?:[^\s?:,\[\]{}\#&*!|>'"%@`-]|-(?=\S))[^\n:\#]*+(?:(?::(?=\S)|(?<=\S)\#)[^\n:\#]*+)*+"""
# A text of several lines, deeper than the key before it, of which none is empty.
_BLOCK = r"""(?:>-|\|-?+)(?:\n\2(?(3)[ ]{2})[ ]++[^\s][^\n]*+)++"""
_LINE = re.compile(
    rf"""^(
      ([ ]*+)
      (-[ ]++(?=[^\s\#]))?+
      (?:({_NAME})(:(?:[ ]++(?=[^\s\#])|(?=\s))))?+
      ({_QUOTED}|[\[{{][^\n]*+|{_PLAIN}|{_BLOCK})?+
      (?:\n|[ ]*+(?:(?<!\S)\#[^\n]*+)?+(?:\n|\Z))
      (?:[ ]*+(?:\#[^\n]*+)?+\n)*+  # empty lines and comments behind it
    )""",
    re.VERBOSE | re.ASCII | re.MULTILINE,
)
_SAFE = r"[\w./%=+@$()<>;~^-]"
_WORD = rf"(?:[\w./$(]|-(?={_SAFE})){_SAFE}*+(?:[ ]++{_SAFE}++)*+"
_COMMA = r"[ ]*+(,?+)[ ]*+"
_IN_BRACKETS = re.compile(rf"({_QUOTED}|{_WORD}){_COMMA}", re.ASCII)
_BEHIND_BRACKET = re.compile(_COMMA)
_KEY_IN_BRACKETS = re.compile(rf"({_NAME}):[ ]++", re.ASCII)
_BRACKET = re.compile(r"[\[{][ ]*+")
_END = re.compile(r"[ ]*+(?:(?<=[ ])#.*+)?+\Z")
_BEHIND_BLOCK = re.compile(r"\n++(?![ ]++(?:\n|\Z))")
_MARKS = frozenset("\"'[{|>")
"""How a value begins that is more than a word or a few."""
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class _NotPlainError(Exception):
    """Something stands in the file that PyYAML has to read."""


_Line: TypeAlias = tuple[int, int, str, str, str, str]
"""Where it begins behind its indentation, how deep that is, and the dash, key, colon and value in it."""
_BEHIND_ALL: _Line = (0, -1, "", "", "", "")
"""It ends every list and every mapping."""


def read_plain(source: Source) -> Node | None:
    """The tree of a file of nothing but plain lines, without a mistake in it; None of any other."""
    text = source.text
    if len(text) > LONGEST or "\t" in text or "\r" in text:
        return None
    try:
        return _Reader(source, _lines(text)).tree()
    except (_NotPlainError, NotANumber):
        return None


def _lines(text: str) -> list[_Line]:
    """The lines of the file. Only in the first and in the last one there may be nothing."""
    if not (found := _LINE.findall(text)):
        raise _NotPlainError
    # All lines at once: what is done for each by itself takes three times as long.
    whole, indents, dashes, names, colons, values = zip(*found, strict=True)
    *begun, end = accumulate(map(len, whole), initial=0)
    if end != len(text):
        raise _NotPlainError  # some line was passed over
    columns = tuple(map(len, indents))
    lines = list(zip(map(add, begun, columns), columns, dashes, names, colons, values, strict=True))
    if _is_empty(lines[-1]):
        lines.pop()
    return [*lines, _BEHIND_ALL]


def _is_empty(line: _Line) -> bool:
    """Whether there is at most a comment in it."""
    return not any(line[2:])


class _Reader:
    """Each method reads what begins in line `at`, and also returns the number of the line behind it.

    `depth` is the number of lists and mappings around.
    """

    def __init__(self, source: Source, lines: list[_Line]) -> None:
        self._source = source
        self._lines = lines

    def tree(self) -> Node:
        first = int(len(self._lines) > 1 and _is_empty(self._lines[0]))
        node, at = self._block(first, -1, 0)
        if self._lines[at] is not _BEHIND_ALL:
            raise _NotPlainError
        return node

    def _block(self, at: int, column: int, depth: int) -> tuple[Node, int]:
        """The value of a key that stands in `column` with nothing behind it."""
        _, indent, dash, name, _, _ = self._lines[at]
        if depth >= DEEPEST:
            raise _NotPlainError
        if dash and indent >= column:
            return self._list(at, depth + 1)
        if name and indent > column:
            return self._mapping(at, depth + 1)
        raise _NotPlainError

    def _list(self, at: int, depth: int) -> tuple[Node, int]:
        source, lines = self._source, self._lines
        start, column, dash, name, _, value = lines[at]
        begun, indent = start, column
        items: list[Node] = []
        node: Node
        while indent == column and dash:
            if name:
                node, at = self._mapping(at, depth + 1)
            else:
                node, at = _value(value, source, start + len(dash), depth), at + 1
            items.append(node)
            start, indent, dash, name, _, value = lines[at]
        return Sequence(tuple(items), source, False, begun, items[-1].end), at

    def _mapping(self, at: int, depth: int) -> tuple[Node, int]:
        if depth > DEEPEST:
            raise _NotPlainError
        source, lines = self._source, self._lines
        start, column, dash, name, colon, value = lines[at]
        start += len(dash)  # of a list around it, whose item it is
        column += len(dash)
        begun = start
        entries: dict[str, Entry] = {}
        node: Node
        while True:
            if name in entries or name in CONSTANTS:
                raise _NotPlainError
            at += 1
            if value:
                node = _value(value, source, start + len(name) + len(colon), depth)
            else:
                node, at = self._block(at, column, depth)
            entries[name] = Entry(name, node, source, start)
            start, indent, dash, name, colon, value = lines[at]
            if indent != column or dash:
                return Mapping(tuple(entries.values()), source, False, begun, node.end, entries), at


def _value(written: str, source: Source, start: int, depth: int) -> Node:
    first = written[0]
    if first not in _MARKS:
        text = written.rstrip(" ")
        value: Value = text if first not in NUMBERISH and text not in CONSTANTS else resolve(text)
        return Scalar(value, text, source, "plain", start, start + len(text))
    if first == '"':
        text = written[1:-1]
        if "\\" in text:
            text = _ESCAPE.sub(lambda found: _ESCAPED[found[1]], text)
        return Scalar(text, text, source, "double", start, start + len(written))
    if first == "'":
        text = written[1:-1].replace("''", "'")
        return Scalar(text, text, source, "single", start, start + len(written))
    if first in "|>":
        return _block_text(written, source, start)
    return _collection(written, source, start, depth + 1)


def _block_text(written: str, source: Source, start: int) -> Scalar:
    """A text of several lines behind `|`, `|-` or `>-`."""
    mark, *lines = written.split("\n")
    before = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    column = len(before) - len(before.lstrip(" -"))
    indent = len(lines[0]) - len(lines[0].lstrip(" "))
    margin = " " * indent
    behind = _BEHIND_BLOCK.match(source.text, start + len(written))
    if indent <= column or behind is None or not all(line.startswith(margin) for line in lines):
        raise _NotPlainError
    held = [line[indent:] for line in lines]
    end = behind.end()
    if mark != ">-":
        text = "\n".join(held) + "\n" * (mark == "|")
        return Scalar(text, text, source, "literal", start, end)
    if any(line[0] == " " or line[-1] == " " for line in held):
        raise _NotPlainError
    text = " ".join(held)
    return Scalar(text, text, source, "folded", start, end)


def _collection(written: str, source: Source, start: int, depth: int) -> Node:
    """The list or mapping that is all there is in the rest of a line, but for a comment."""
    node, end = _in_brackets(written, 0, source, start, depth)
    if _END.match(written, end) is None:
        raise _NotPlainError
    return node


def _in_brackets(text: str, at: int, source: Source, start: int, depth: int) -> tuple[Node, int]:
    """The list or mapping that begins at `at` of the value `text`, which stands at `start`; and its end."""
    found = _BRACKET.match(text, at)
    if found is None or depth > DEEPEST:
        raise _NotPlainError
    begun, closing = start + at, "]" if text[at] == "[" else "}"
    items: list[Node] = []
    entries: dict[str, Entry] = {}
    at, more = found.end(), True
    while not text.startswith(closing, at):
        if not more:
            raise _NotPlainError
        name, named = "", at
        if closing == "}":
            found = _KEY_IN_BRACKETS.match(text, at)
            if found is None or (name := found[1]) in entries or name in CONSTANTS:
                raise _NotPlainError
            at = found.end()
        node: Node
        if (found := _IN_BRACKETS.match(text, at)) is not None:
            node = _value(found[1], source, start + at, depth)
        else:
            node, at = _in_brackets(text, at, source, start, depth + 1)
            found = _BEHIND_BRACKET.match(text, at)
            assert found is not None
        at, more = found.end(), bool(found[found.re.groups])
        if name:
            entries[name] = Entry(name, node, source, start + named)
        else:
            items.append(node)
    end = start + at + 1
    if closing == "]":
        return Sequence(tuple(items), source, True, begun, end), at + 1
    return Mapping(tuple(entries.values()), source, True, begun, end, entries), at + 1
