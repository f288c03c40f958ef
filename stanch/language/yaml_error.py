"""The YAML parser's complaints, in words that say what to write instead.

Most of them about a runbook are really one mistake: a bare expression with `[`, `{`, `,`, `!` or ` ? : ` in
it, which YAML reads as its own punctuation. Those get a code of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stanch.language.diagnostics import Report
from stanch.language.source import Source

_CUT = "YAML ends the expression at `{}` and reads the rest as its own punctuation"
_QUOTE = "put the whole expression into quotes, or write the mapping in block style, a key a line"
_TERNARY = re.compile(r"\s\?\s")
_FLOW = ("while parsing a flow mapping", "while parsing a flow sequence")
_OPENING = ("'", '"', "[", "{")
_MARKS = ("while scanning a tag", "while scanning an anchor", "while parsing a tag")


@dataclass(frozen=True, slots=True)
class YamlError:
    problem: str
    context: str
    at: int
    """Where the parser gave up, as an offset."""
    begun: int
    """Where what it was reading begins."""


def explain(error: YamlError, source: Source, report: Report) -> None:
    """Report a YAML error in our words."""
    at, problem, context = min(error.at, len(source.text)), error.problem, error.context
    span = source.span(at, min(at + 1, len(source.text)))
    char = source.text[at : at + 1]
    line = source.text[source.text.rfind("\n", 0, at) + 1 : at]
    if _cuts_expression(problem, context, char, line):
        report.add("RB113", span, _CUT.format(char), _QUOTE)
    elif char == "\t":
        report.add("RB101", span, "a tab cannot indent YAML", "indent with spaces")
    elif "cannot start any token" in problem:
        report.add("RB101", span, f"a value cannot begin with `{char}`", "put the value into quotes")
    elif "mapping values are not allowed" in problem:
        report.add("RB101", span, "a second `:` in one line", "quote a text that has `: ` in it")
    elif not char or "end of stream" in problem:
        opened = source.text[error.begun : error.begun + 1]
        what = (
            f"what `{opened}` opens here is not closed" if opened in _OPENING else "the file ends too early"
        )
        place = source.span(error.begun, error.begun + 1) if opened in _OPENING else span
        report.add("RB101", place, what)
    else:
        report.add("RB101", span, f"{problem} {context}".strip(), _indentation(context))


def _cuts_expression(problem: str, context: str, char: str, line: str) -> bool:
    if context in _FLOW and char and char in "[{?:":
        return True
    if context in _MARKS:
        return True
    return char == ":" and "mapping values" in problem and _TERNARY.search(line) is not None


def _indentation(context: str) -> str | None:
    if "block" in context:
        return "look at the indentation: keys of one mapping begin in the same column"
    return None
