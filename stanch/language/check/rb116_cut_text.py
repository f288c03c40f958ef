"""RB116: a text for people that YAML ends at a ` #`, as in `Use pool #3 of 4`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.tree import Mapping, Node, Scalar, Sequence

_PROSE = frozenset(
    {
        *("title", "symptoms", "impact", "else", "text", "do", "show", "description", "confirm"),
        *("irreversible", "unattended", "checklist"),
    }
)
_SUSPECT = re.compile(r"#(?<=[ \t]#)(?=[A-Za-z0-9])")
"""It begins with the `#`, so that the search runs from one to the next."""
_CUT = re.compile(
    r"[ \t]+(#(?!(?:noqa|todo|fixme|xxx|nolint|stanch|yamllint|region)\b)[A-Za-z0-9][^\n\r]*)", re.IGNORECASE
)
_SHORT = 60
"""Characters of a text that a hint repeats."""


def check(context: Context) -> Iterator[Diagnostic]:
    text = context.document.source.text
    if _SUSPECT.search(text) is None:
        return  # nearly all files
    yield from _texts(context, context.document.written, False)


def _texts(context: Context, node: Node, prose: bool) -> Iterator[Diagnostic]:
    match node:
        case Mapping():
            for entry in node.entries:
                yield from _texts(context, entry.value, entry.name in _PROSE)
        case Sequence():
            for item in node.items:
                yield from _texts(context, item, prose)
        case Scalar() if prose and node.style == "plain" and node.text:
            source = context.document.source
            if (cut := _CUT.match(source.text, node.end)) is not None:
                text = f"{node.text} {cut.group(1).rstrip()}"
                message = "YAML takes ` #` for the beginning of a comment, so the text ends before it"
                quoted = text.replace("'", "''")
                hint = (
                    f"quote all of it: `'{quoted}'`" if len(text) <= _SHORT else "put all of it into quotes"
                )
                yield context.diagnostic("RB116", source.span(cut.start(1), cut.end(1)), message, hint)
