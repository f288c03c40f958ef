"""Diagnostics for code scanning: one log of SARIF 2.1.0, the OASIS format for results of static analysis.

The messages stand there as they are. Section 3.11.5 wants `{` and `}` doubled, but the viewers that people
have show a message without `arguments` verbatim, and a hint with `${{{{ }}}}` would be copied from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from stanch.language.allow import may_allow
from stanch.language.diagnostics import CODES, Diagnostic, Severity
from stanch.language.plan import Json
from stanch.language.source import Span

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LINE_ENDS: list[Json] = ["\r\n", "\n", "\r"]
"""As `split_lines` counts them."""


def render_sarif(diagnostics: Iterable[Diagnostic], version: str) -> dict[str, Json]:
    """One log with one run of this `version`, JSON-ready.

    A column is a Unicode code point; a region ends behind its last one.
    """
    found = tuple(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in found})
    index = {code: at for at, code in enumerate(codes)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "stanch",
                        "version": version,
                        "semanticVersion": version,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "newlineSequences": _LINE_ENDS,
                "results": [_result(diagnostic, index[diagnostic.code]) for diagnostic in found],
            }
        ],
    }


def _rule(code: str) -> Json:
    meaning, severity = CODES[code].meaning, CODES[code].severity
    page = f"docs/diagnostics/{code}.md"
    if severity is Severity.ERROR:
        effect = "An error: the runbook does not compile."
    elif may_allow(code):
        effect = f"Advice: the runbook compiles, and `# stanch: allow {code} <reason>` silences it."
    else:
        effect = "Advice: the runbook compiles."
    return {
        "id": code,
        "shortDescription": {"text": meaning},
        "fullDescription": {"text": f"{meaning[0].upper()}{meaning[1:]}. {effect}"},
        "help": {
            "text": f"{page} shows the mistake, what is correct, and why.",
            "markdown": f"`{page}` shows the mistake, what is correct, and why.",
        },
        "defaultConfiguration": {"level": severity.value},
    }


def _result(diagnostic: Diagnostic, rule: int) -> Json:
    hint = f".\nHint: {diagnostic.hint}" if diagnostic.hint else ""
    result: dict[str, Json] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": f"{diagnostic.message}{hint}"},
        "locations": [{"physicalLocation": _place(diagnostic.path, diagnostic.span)}],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "message": {"text": related.message},
                "physicalLocation": _place(diagnostic.path, related.span),
            }
            for number, related in enumerate(diagnostic.related, 1)
        ]
    return result


def _place(path: str, span: Span) -> Json:
    return {
        "artifactLocation": {"uri": _uri(path)},
        "region": {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        },
    }


def _uri(path: str) -> str:
    """A reference relative to where the check ran, or a `file:` URI of what lies elsewhere."""
    escaped = quote(path, errors="surrogateescape")
    return f"file://{escaped}" if escaped.startswith("/") else escaped
