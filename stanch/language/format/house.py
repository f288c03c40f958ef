"""The formatter: a file in, the same file in the house form out, or why it is left alone.

What was written is read again before it is handed out: the data of every document must be the same, and so
must the comments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stanch.errors import OurError
from stanch.language.characters import LARGEST_FILE
from stanch.language.diagnostics import Diagnostic, Report, in_order
from stanch.language.encode import canonical
from stanch.language.format.layout import Line, lay_out
from stanch.language.format.order import form_of_document
from stanch.language.format.pieces import Piece
from stanch.language.format.walk import Walked, walk
from stanch.language.read import read_all
from stanch.language.source import START
from stanch.language.tree import plain


@dataclass(frozen=True, slots=True)
class Formatted:
    text: str | None
    """None when the file is not touched."""
    diagnostics: tuple[Diagnostic, ...]
    """Why it is not, sorted by place."""


def format_runbook(path: str, content: str | bytes) -> Formatted:
    """The file `content` that stands at `path`, in the house form. It need not compile, only be readable.

    Raises OurError when the result would not say the same as the file.
    """
    report = Report(path)
    documents = _documents(path, content, report)
    for key in (key for document in documents for key in document.cut):
        # Out of its braces it would look as if somebody had meant it.
        message = f"YAML cut `{key.text}` off from the expression before it"
        hint = f"put the whole expression into quotes; for a key without a value write `{key.text}: null`"
        report.add("RB113", key.span, message, hint)
    if report.failed:
        return Formatted(None, in_order(report.found))
    text = _text(documents)
    if (size := len(text.encode())) > LARGEST_FILE:
        message = f"the house form would have {size:,} bytes; a runbook has at most {LARGEST_FILE:,}"
        report.add("RB103", START, message, "leave the file as it is, or make several runbooks of it")
        return Formatted(None, in_order(report.found))
    again = Report(path)
    if _said(_documents(path, text, again)) != _said(documents) or again.failed:
        raise OurError(f"the house form of `{path}` would not say the same as the file; nothing was written")
    return Formatted(text, ())


def _documents(path: str, content: str | bytes, report: Report) -> list[Walked]:
    source, roots = read_all(path, content, report)
    return [] if report.failed else walk(source, roots)


def _text(documents: Sequence[Walked]) -> str:
    lines: list[Line] = []
    for document in documents:
        form = form_of_document(document.root.node)
        lines += lay_out(document, form, sort=not _has_alias(document.root), first=not lines)
    return "".join(f"{line}\n" for line in lines)


def _said(documents: Sequence[Walked]) -> tuple[list[bytes], Counter[str]]:
    """The data of each document, and how often there is which comment."""
    data = [canonical(plain(document.root.node)) for document in documents]
    return data, Counter(note for document in documents for note in _notes(document))


def _notes(document: Walked) -> Iterator[str]:
    yield from filter(None, (*document.preamble, *document.head))
    yield from document.beside.lines if document.beside else ()
    for piece in _pieces(document.root):
        for comment in (piece.opening, piece.closing):
            yield from comment.lines if comment else ()
        yield from filter(None, piece.foot)
        for member in piece.members:
            yield from filter(None, member.above)


def _pieces(piece: Piece) -> Iterator[Piece]:
    left = [piece]
    while left:
        piece = left.pop()
        yield piece
        for member in piece.members:
            left += [member.key, member.value] if member.key else [member.value]


def _has_alias(root: Piece) -> bool:
    return any(piece.alias for piece in _pieces(root))
