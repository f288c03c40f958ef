"""What holds for the place of every diagnostic."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stanch.language.diagnostics import Diagnostic
from stanch.language.source import Span


def assert_inside(diagnostics: Iterable[Diagnostic], text: str) -> None:
    """Every place lies in `text`."""
    lines = _lines(text)
    for each in diagnostics:
        for span in (each.span, *(related.span for related in each.related)):
            _assert_inside(span, lines)


def assert_span_inside(span: Span, text: str) -> None:
    _assert_inside(span, _lines(text))


def _lines(text: str) -> list[str]:
    """As an editor counts them."""
    return re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))


def _assert_inside(span: Span, lines: list[str]) -> None:
    assert 1 <= span.line <= span.end_line <= len(lines), span
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1, span
    assert 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1, span
    assert (span.line, span.column) <= (span.end_line, span.end_column), span
