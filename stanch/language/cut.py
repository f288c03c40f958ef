"""An expression that YAML cut: it takes `,`, `[` or `{` for its own, or a quote for that of all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanch.language.written import Relaid, Written

_IN_FLOW = re.compile(r"[{,] *([\w-]+): +(?![\"'{\[])")
_BEHIND_QUOTE = re.compile(r"^ *(?:- +)?([\w-]+): +(?=[\"'])")


def in_quotes(written: Written) -> Iterator[Relaid]:
    """`{least: math.least(3, 4)}`: YAML ends the expression at the comma."""
    said = [*written.said("RB401", "missing", "ends too early"), *written.said("RB204", "the name `")]
    said += [
        *written.said("RB112", "is not text"),
        *written.said("RB101", "is missing before this", "the text ended"),
        *written.said("RB113", "YAML ends the expression"),
    ]
    for at in dict.fromkeys(each.span.line - 1 for each in said):
        line = written.at(at)
        for found in (*_IN_FLOW.finditer(line), *_BEHIND_QUOTE.finditer(line)):
            start = found.end()
            flow = found.re is _IN_FLOW
            cel = line[start : _expression_end(line, start) if flow else len(line)].rstrip()
            if not flow or any(char in cel for char in ",[{"):
                yield _quoted(written, at, start, cel, found.group(1))


def _quoted(written: Written, at: int, start: int, cel: str, name: str) -> Relaid:
    mark = "'" if '"' in cel else '"'
    line, end = written.at(at), start + len(cel)
    new = f"{line[:start]}{mark}{cel}{mark}{line[end:]}"
    text = "\n".join([*written.lines[:at], new, *written.lines[at + 1 :]])
    message = "YAML takes a part of this expression for its own punctuation, and ends it there"
    hint = f"put all of it into quotes: `{name}: {mark}{cel}{mark}`"
    return Relaid(text, at, message, hint, certain=True, moves=True, columns=(start, end))


def _expression_end(line: str, start: int) -> int:
    """Where the expression ends that begins at `start`: at the `,` or `}` that is in none of its brackets."""
    depth, quote = 0, ""
    for at in range(start, len(line)):
        char = line[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}" and depth:
            depth -= 1
        elif char in ",}" and not depth:
            return at
    return len(line)
