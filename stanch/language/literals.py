"""Texts written out in an expression that the function they are given to cannot read: `duration("5 min")`.

They would fail in every run, so they are found when the runbook is checked. So is what the library's checker
lets through and a runbook cannot have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stanch.language.cel import pattern, sizes, times
from stanch.language.cel.frame import Failed
from stanch.language.cel.program import of_tree
from stanch.language.cel.syntax import Call, Literal, Malformed, Node, nodes, parse

_READS: dict[str, tuple[int, Callable[[str], object]]] = {
    "matches": (1, pattern.read),
    "extract": (1, pattern.read),
    "bytes": (0, sizes.read_size),
    "duration": (0, times.read_span),
    "timestamp": (0, times.read_moment),
    **dict.fromkeys(times.METHODS, (1, times.zone)),
}
"""By function: which argument is a text that it reads, counting the value before the point, and how."""
_WORTH_PARSING = re.compile(
    rf"""
      \b(?:{"|".join(_READS)}|sort_?[bB]y)\s*\(
    | (?<!\bin)(?<![\s?:,(\[{{&|=])\s*\{{  # `Name{{...}}`, a message
    """,
    re.VERBOSE | re.ASCII,
)
_TRACES = ("{", *dict.fromkeys(name[:3] for name in (*_READS, "sort")))
"""What is not worth parsing has none of these, nearly always; that is a tenth of the pattern's time."""
_TEXT = re.compile(r"""[rR]?(?:("{3}|'{3})(?:\\.|.)*?\1|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Misread:
    start: int
    end: int
    reason: str
    code: str = "RB408"


def misread(expression: str) -> tuple[Misread, ...]:
    """What is wrong in an expression with which the type checker is content."""
    if "(" not in expression and "{" not in expression:
        return ()
    for trace in _TRACES:
        if trace in expression:
            break
    else:
        return ()
    if _WORTH_PARSING.search(expression) is None:
        return ()
    try:
        tree = parse(expression)
        of_tree(tree)
    except Malformed as error:
        return (Misread(error.at, error.at + 1, str(error), "RB401"),)
    return tuple(_unreadable(expression, tree))


def _unreadable(expression: str, tree: Node) -> Iterator[Misread]:
    for call in nodes(tree):
        if not isinstance(call, Call) or call.function not in _READS:
            continue
        position, read = _READS[call.function]
        arguments = call.args if call.target is None else (call.target, *call.args)
        text = arguments[position] if position < len(arguments) else None
        if not isinstance(text, Literal) or type(text.value) is not str:
            continue
        try:
            read(text.value)
        except Failed as error:
            written = _TEXT.match(expression, text.at)
            yield Misread(text.at, written.end() if written else text.at + 1, str(error))
