"""Diagnostics for programs: a list of objects."""

from __future__ import annotations

from collections.abc import Iterable

from stanch.language.diagnostics import Diagnostic
from stanch.language.plan import Json
from stanch.language.source import Span


def render_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Json]]:
    """One object a diagnostic; lines and columns count from 1, the end is behind the last character."""
    return [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity.value,
            "message": diagnostic.message,
            "path": diagnostic.path,
            **_place(diagnostic.span),
            "hint": diagnostic.hint,
            "related": [
                {"message": related.message, **_place(related.span)} for related in diagnostic.related
            ],
        }
        for diagnostic in diagnostics
    ]


def _place(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
