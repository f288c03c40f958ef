"""Values as text: what `string(x)` gives, and `"%s is %.1f".format([...])`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import isinf, isnan

from stanch.language.cel.equality import sorted_keys
from stanch.language.cel.frame import DEEPEST, Failed, Frame, deep
from stanch.language.cel.operators import Overloads
from stanch.language.cel.values import SECOND, Kind, Moment, Span, Uint, Value, words

_CLAUSE = re.compile(r"%(?:(%)|(?:\.([0-9]{0,9}))?(.?))", re.DOTALL)
_MOST_DIGITS = 1000
_MOST_BITS = 1024
_PLAIN_BELOW, _PLAIN_FROM = 21, 6
"""Powers of ten."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value: float) -> str:
    """The shortest text that reads back as the same number: `0.05`, `1234567`. An exponent stands in it from
    1e21 on and below 1e-6, as JavaScript has it."""
    if isnan(value) or isinf(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    sign = "-" if value < 0 else ""
    digits = mantissa.lstrip("-").removesuffix(".0").replace(".", "")
    power = int(exponent)
    if 0 <= power < _PLAIN_BELOW:
        return f"{sign}{digits.ljust(power + 1, '0')}"
    if -_PLAIN_FROM <= power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    return f"{mantissa.removesuffix('.0')}e{power:+03d}"


def whole_number(value: int) -> str:
    if value.bit_length() > _MOST_BITS:  # Python itself refuses some thousand digits
        raise Failed("a whole number is too large to be written")
    return str(int(value))


def moment(value: Moment) -> str:
    """RFC 3339 in UTC, with as many digits of a second as it has, in groups of three."""
    seconds, nanos = divmod(value.nanos, SECOND)
    whole = _EPOCH + timedelta(seconds=seconds)
    return f"{whole.replace(tzinfo=None).isoformat()}{_fraction(nanos)}Z"


def span(value: Span) -> str:
    """Seconds: `5400s`, `-1.500s`."""
    seconds, nanos = divmod(abs(value.nanos), SECOND)
    return f"{'-' if value.nanos < 0 else ''}{seconds}{_fraction(nanos)}s"


def _fraction(nanos: int) -> str:
    if nanos == 0:
        return ""
    digits = f"{nanos:09d}"
    return f".{digits[:3] if digits.endswith('000000') else digits[:6] if digits.endswith('000') else digits}"


def readable(frame: Frame, value: Value, depth: int = 0) -> str:
    """What `%s` gives: texts as they are, also inside of lists and maps; a map by its keys."""
    frame.spend(1)
    kind = type(value)
    if kind in (list, dict):
        if depth == DEEPEST:
            raise deep()
        inner = ", ".join(_items(frame, value, depth + 1))
        frame.read(len(inner))
        return f"[{inner}]" if kind is list else f"{{{inner}}}"
    if kind in (str, bytes):
        frame.read(len(value))
    return _SCALARS[kind](value)


def _items(frame: Frame, held: Value, depth: int) -> list[str]:
    if type(held) is list:
        return [readable(frame, item, depth) for item in held]
    return [f"{key}: {readable(frame, held[key], depth)}" for key in sorted_keys(frame, held)]


def _text_of(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Failed("the bytes are not UTF-8") from None


_SCALARS: Mapping[type, Callable[[Value], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: whole_number,
    Uint: whole_number,
    float: number,
    str: lambda value: value,
    bytes: _text_of,
    Moment: moment,
    Span: span,
    Kind: lambda value: value.name,
}


def _formatted(frame: Frame, form: str, values: list[Value]) -> str:
    frame.read(len(form))
    parts = []
    left = iter(values)
    at = 0
    for clause in _CLAUSE.finditer(form):
        parts.append(form[at : clause.start()])
        at = clause.end()
        if clause.group(1):
            parts.append("%")
            continue
        digits, letter = clause.group(2), clause.group(3)
        if letter not in _LETTERS:
            raise Failed(f"`format` knows no `{clause.group()}`")
        precision = 6 if digits is None or letter not in "ef" else int(digits or 0)
        if precision > _MOST_DIGITS:
            raise Failed(f"`format` writes at most {_MOST_DIGITS:,} digits behind the point")
        missing = object()
        if (value := next(left, missing)) is missing:
            raise Failed(f"`format` has no value for `{clause.group()}`")
        parts.append(_LETTERS[letter](frame, value, precision))
    parts.append(form[at:])
    frame.read(sum(map(len, parts)))
    return "".join(parts)


def _decimal(frame: Frame, value: Value, _: int) -> str:
    if type(value) in (int, Uint):
        return whole_number(value)
    if type(value) is float:
        return _fixed(frame, value, 6)
    raise _unfit("d", value)


def _fixed(frame: Frame, value: Value, precision: int) -> str:
    frame.read(precision)
    number = _float("f", value)
    return f"{number:.{precision}f}" if not (isnan(number) or isinf(number)) else _odd(number)


def _scientific(frame: Frame, value: Value, precision: int) -> str:
    frame.read(precision)
    number = _float("e", value)
    return f"{number:.{precision}e}" if not (isnan(number) or isinf(number)) else _odd(number)


def _float(letter: str, value: Value) -> float:
    if type(value) in (int, Uint, float):
        return float(value)
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise _unfit(letter, value)


def _odd(value: float) -> str:
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _binary(_: Frame, value: Value, __: int) -> str:
    if type(value) not in (bool, int, Uint):
        raise _unfit("b", value)
    return f"{int(value):b}"


def _octal(_: Frame, value: Value, __: int) -> str:
    if type(value) not in (int, Uint):
        raise _unfit("o", value)
    return f"{value:o}"


def _hexadecimal(frame: Frame, value: Value, _: int) -> str:
    if type(value) in (str, bytes):
        frame.read(2 * len(value))
        return (value.encode() if type(value) is str else value).hex()
    if type(value) not in (int, Uint):
        raise _unfit("x", value)
    return f"{value:x}"


def _unfit(letter: str, value: Value) -> Failed:
    return Failed(f"`format` cannot write {words(value)} as `%{letter}`")


_LETTERS: Mapping[str, Callable[[Frame, Value, int], str]] = {
    "s": lambda frame, value, _: readable(frame, value),
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": lambda frame, value, precision: _hexadecimal(frame, value, precision).upper(),
}
METHODS: Mapping[str, Overloads] = {"format": {(str, list): _formatted}}
