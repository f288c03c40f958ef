"""CEL's own type checker, asked about one expression with exactly the names that it may read.

Making an environment takes the library half a millisecond, checking an expression in it twenty microseconds.
So names are replaced (`stand_ins`) such that nearly all expressions share one. Answers are kept, too, those
for an outline and those for an expression.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cel_expr_python import cel

from stanch.language.cel import library
from stanch.language.literals import Misread, misread
from stanch.language.references import Reference
from stanch.language.stand_ins import SHARED, Names, outline_of, stand_ins
from stanch.language.types import DYN, Signature, cel_type, normal

_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_HAS = re.compile(r"\bhas(?=\s*\(\s*[A-Za-z_]\w*(?:\s*\.\s*\w+)+\s*\))", re.ASCII)
_SORT_BY = re.compile(r"(?<=\.)sort_by(?=\s*\()")
_SORT_BY_INSIDE = re.compile(r"\bsortBy\b|@sortByAssociatedKeys|@__sortBy_input__")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class CelError:
    offset: int
    message: str
    own: Misread | None = None
    """Set when it is we who say so."""


class Checked(NamedTuple):
    type: Signature
    errors: tuple[CelError, ...] = ()


NO_NAMES: Names = frozenset()


def check_found(expression: str, found: Sequence[Reference], beside: Names = NO_NAMES) -> Checked:
    """`check`, of an expression in which these names were found, and which may read those `beside` them.

    Nearly every expression of a runbook differs from all others and is like many of them, so its outline is
    asked for first: 6 microseconds instead of 13.
    """
    if beside:
        return check(expression, beside.union((each.name, each.type) for each in found))
    if len(found) == 1 and found[0].chain.written == expression:
        kind = _of_fields(found[0].type, len(found[0].chain.parts) - 1 - found[0].name.count("."))
        if kind is not None:
            return Checked(kind)
    if found and "sort_by" not in expression:
        outline = outline_of(_without_has(expression) if "has" in expression else expression, found)
        checked = None if outline is None else _checked(outline, SHARED)
        if checked is not None and not checked.errors:
            return _read_through(expression, checked)
    return check(expression, frozenset((each.name, each.type) for each in found))


@lru_cache(maxsize=16384)
def check(expression: str, names: Names) -> Checked:
    """The type of `expression`, or what the checker has against it."""
    if (known := _of_path(expression, names)) is not None:
        return Checked(known)
    found = stand_ins(_SORT_BY.sub("sortBy ", _without_has(expression)), names)
    checked = _checked(found.outline(), found.declared)
    if checked.errors:
        # Where they are is known only of the expression itself.
        checked = _checked(found.padded(), found.declared)
    return checked if checked.errors else _read_through(expression, checked)


def _read_through(expression: str, checked: Checked) -> Checked:
    """What CEL has nothing against, with what we have against it."""
    ours = tuple(CelError(each.start, each.reason, each) for each in misread(expression))
    return Checked(checked.type, ours) if ours else checked


def _of_path(expression: str, names: Names) -> Signature | None:
    """The type of an expression that is nothing but a name and fields of it; None for any other."""
    if _PATH.fullmatch(expression) is None:
        return None
    parts = expression.split(".")
    declared = dict(names)
    for length in range(min(3, len(parts)), 0, -1):
        kind = declared.get(".".join(parts[:length]))
        if kind is None:
            continue
        return _of_fields(kind, len(parts) - length)
    return None


def _of_fields(kind: Signature, depth: int) -> Signature | None:
    """The type of a field, of a field of a field ... of a value of type `kind`; None when it has none."""
    for _ in range(depth):
        if kind != DYN and not kind.startswith("map(string,"):
            return None
        kind = kind if kind == DYN else kind[len("map(string,") : -1]
    return kind


@lru_cache(maxsize=4096)
def _checked(text: str, own: Names) -> Checked:
    try:
        compiled = _environment(own).compile(text)
    except RuntimeError as error:
        return Checked(DYN, _errors(text, str(error)))
    return Checked(normal(compiled.return_type().name()))


@lru_cache(maxsize=64)
def _environment(own: Names) -> cel.Env:
    """Keeping one takes 130 kB, so few are kept."""
    variables = {name: cel_type(signature) for name, signature in own}
    return cel.NewEnv(config=library.checked(), variables=variables)


def _without_has(expression: str) -> str:
    """`has(steps.x.y)` of a name declared as a whole has the name's own type for the checker, not bool.

    `dyn(...)`, of the same length, lets its value be used as a condition and still finds unknown names.
    """
    return _HAS.sub("dyn", expression)


def _errors(expression: str, said: str) -> tuple[CelError, ...]:
    starts = [0, *(found.end() for found in re.finditer("\n", expression))]
    found = []
    for line, column, text in _ERROR.findall(said):
        start = starts[min(int(line), len(starts)) - 1]
        offset = min(start + int(column) - 1, len(expression))
        message = _SORT_BY_INSIDE.sub("sort_by", text.removesuffix("[INVALID_ARGUMENT]").strip())
        found.append(CelError(offset, message))
    return tuple(found) or (CelError(0, said.splitlines()[0] if said else "not understood"),)
