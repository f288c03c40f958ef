"""CEL's own type checker, asked about one expression with exactly the names that it may read.

Environments and answers are kept: the same expression over the same types is checked once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from cel_expr_python import cel

from stanch.language.evaluate import extensions
from stanch.language.types import DYN, Signature, cel_type, normal

Names: TypeAlias = frozenset[tuple[str, Signature]]

_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_HAS = re.compile(r"\bhas(?=\s*\(\s*[A-Za-z_]\w*(?:\s*\.\s*\w+)+\s*\))", re.ASCII)


@dataclass(frozen=True, slots=True)
class CelError:
    offset: int
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    type: Signature
    errors: tuple[CelError, ...] = ()


@lru_cache(maxsize=16384)
def check(expression: str, names: Names) -> Checked:
    """The type of `expression`, or what the checker has against it."""
    try:
        compiled = _environment(names).compile(_without_has(expression))
    except RuntimeError as error:
        return Checked(DYN, _errors(expression, str(error)))
    return Checked(normal(compiled.return_type().name()))


@lru_cache(maxsize=64)
def _environment(names: Names) -> cel.Env:
    """Making one takes 30 microseconds and keeping one 130 kB, so few are kept."""
    variables = {name: cel_type(signature) for name, signature in names}
    return cel.NewEnv(variables=variables, extensions=_extensions())


@lru_cache(maxsize=1)
def _extensions() -> list[cel.CelExtensionBase]:
    return extensions()


def _without_has(expression: str) -> str:
    """`has(steps.x.y)` of a name declared as a whole has the name's own type for the checker, not bool.

    `dyn(...)`, of the same length, lets its value be used as a condition and still finds unknown names.
    """
    return _HAS.sub("dyn", expression)


def _errors(expression: str, message: str) -> tuple[CelError, ...]:
    starts = [0, *(found.end() for found in re.finditer("\n", expression))]
    found = []
    for line, column, text in _ERROR.findall(message):
        start = starts[min(int(line), len(starts)) - 1]
        offset = min(start + int(column) - 1, len(expression))
        found.append(CelError(offset, text.removesuffix("[INVALID_ARGUMENT]").strip()))
    return tuple(found) or (CelError(0, message.splitlines()[0] if message else "not understood"),)
