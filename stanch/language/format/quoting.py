"""How a scalar is written. Only expressions are quoted anew: bare CEL, and text with `${{ }}`. The quotes of
any other text are its author's.
"""

from __future__ import annotations

import re

from stanch.language.format.pieces import Piece
from stanch.language.scalar import NotANumber, resolve
from stanch.language.tree import Scalar

_BREAK = re.compile("\r\n|[\n\r]")
_UNSAFE_START = tuple("?:,[]{}#&*!|>'\"%@`")
_OTHER_ESCAPE = re.compile(r'(?:[^\\]|\\[\\"])*')
_HEADER = re.compile("([|>])([-+0-9]*)")


def is_template(piece: Piece) -> bool:
    return isinstance(piece.node, Scalar) and "${{" in piece.node.text


def is_one_line(piece: Piece) -> bool:
    in_block = isinstance(piece.node, Scalar) and piece.node.style in ("literal", "folded")
    return not in_block and _BREAK.search(piece.raw) is None


def in_line(piece: Piece, cel: bool) -> str:
    """A scalar that the author wrote in one line; `cel` where the language wants bare CEL."""
    node, raw = piece.node, piece.raw
    if piece.alias or not isinstance(node, Scalar) or not isinstance(node.value, str):
        return raw
    if node.style == "double" and not _OTHER_ESCAPE.fullmatch(raw):
        return raw
    if is_template(piece):
        return _quoted(node.text)
    if cel:
        return node.text if _may_be_plain(node.text) else _quoted(node.text)
    # Between brackets YAML takes it for text, and outside for an item.
    return '"-"' if raw == "-" else raw


def _may_be_plain(text: str) -> bool:
    """Whether YAML in block style reads `text` back as it is. When in doubt, no."""
    if not text or text != text.strip() or text.startswith((*_UNSAFE_START, "- ")) or text == "-":
        return False
    if ": " in text or " #" in text or "\t" in text or text.endswith(":"):
        return False
    try:
        return resolve(text) == text
    except NotANumber:
        return False


def _quoted(text: str) -> str:
    """In the quotes that need fewer escapes; in double ones where it does not matter."""
    single, double = text.count("'"), text.count('"') + text.count("\\")
    if "\t" not in text and double and single <= double:
        return "'" + text.replace("'", "''") + "'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def in_lines(piece: Piece) -> list[str]:
    """A scalar of several lines as it was written, without the indentation of the lines behind the first."""
    assert isinstance(piece.node, Scalar)
    node, raw = piece.node, piece.raw
    lines = _BREAK.split(raw)
    if node.style in ("literal", "folded"):
        return _block(node, lines)
    last = len(lines) - 1
    ends = [line if at == last else _without_end(line, node.style) for at, line in enumerate(lines)]
    return [line.lstrip(" \t") if at else line for at, line in enumerate(ends)]


def _block(node: Scalar, lines: list[str]) -> list[str]:
    header = _HEADER.match(lines[0])
    assert header is not None
    mark, said = header.groups()
    if len(lines) > 1 and not lines[-1]:
        # Not a line, but the end of the last one.
        lines.pop()
    content = lines[1:]
    depth = _depth(content, node.text)
    content = [line[depth:] for line in content]
    chomp = said.strip("123456789")
    if chomp != "+":
        while content and not content[-1]:
            content.pop()
    if node.text and not node.text.endswith("\n"):
        # Or the end of the file would have ended it, where another line stands now.
        chomp = "-"
    return [mark + ("2" if said != said.strip("123456789") else "") + chomp, *content]


def _depth(lines: list[str], text: str) -> int:
    """How many spaces in front of each line are indentation, and no part of the text."""
    written = next((line for line in lines if line.strip(" ")), None)
    meant = next((line for line in text.split("\n") if line.strip(" ")), None)
    if written is None or meant is None:
        return max(map(len, lines), default=0) - max(map(len, text.split("\n")))
    return (len(written) - len(written.lstrip(" "))) - (len(meant) - len(meant.lstrip(" ")))


def _without_end(line: str, style: str) -> str:
    """Without the blanks before its break, which mean nothing; but one behind a `\\` does."""
    bare = line.rstrip(" \t")
    escapes = len(bare) - len(bare.rstrip("\\"))
    return line[: len(bare) + 1] if style == "double" and escapes % 2 else bare
