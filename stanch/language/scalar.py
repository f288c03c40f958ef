"""What a plain YAML scalar means under the core schema of YAML 1.2 (section 10.3.2).

`on`, `no`, `22:30` and `2026-11-01` are text, `0o17` is 15 and `017` is 17. What YAML can write and JSON
cannot (not-a-number, infinities, numbers beyond 64 bits) is refused.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias

Value: TypeAlias = bool | int | float | str | None

CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
NUMBERISH = frozenset("-+.0123456789")
"""How a number begins. What does not, and is no constant, is text; most scalars are."""
_NUMBER = re.compile(
    r"""
      (?P<decimal>[-+]?[0-9]+)
    | (?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)
    | (?P<octal>0o[0-7]+)
    | (?P<hex>0x[0-9a-fA-F]+)
    | (?P<none>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))
    """,
    re.VERBOSE,
)
_BASES = {"decimal": (0, 10), "octal": (2, 8), "hex": (2, 16)}
"""By kind of a whole number: how many characters stand before its digits, and their base."""
_LARGEST = 2**63 - 1
_DIGITS = 30
"""More than any 64-bit number has, in any base; longer ones are not even converted."""


class NotANumber(ValueError):
    """A scalar that is a number in YAML and none in JSON."""


def resolve(text: str) -> Value:
    """The value of the plain scalar `text`. Raises NotANumber."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in NUMBERISH:
        return text
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    kind = found.lastgroup
    if kind == "float":
        return _float(text)
    if kind == "none":
        raise NotANumber(f"`{text}` is not a number")
    return _integer(text, *_BASES[kind or "decimal"])


def _integer(text: str, prefix: int, base: int) -> int:
    value = int(text[prefix:], base) if len(text) <= _DIGITS else None
    if value is None or not -_LARGEST - 1 <= value <= _LARGEST:
        raise NotANumber("the number does not fit into 64 bits")
    return value


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotANumber("the number is too large for a decimal one")
    return value
