"""RE2 patterns, by Google's library: whoever wrote pattern and text, the time is that of one reading.

That reading takes, at worst, time for each character and each state of the pattern, so what a pattern weighs
is estimated before it is used. Text goes in as bytes, because the library ends a text at a NUL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from cel_expr_python import cel

from stanch.language.cel.frame import MOST_WORK, Failed, Frame
from stanch.language.cel.operators import Overloads

_TOKEN = re.compile(
    r"""
      \\Q(?P<quoted>.*?)(?:\\E|$)
    | (?P<script>\\[pP](?:\{[^}]*\}?|.?))
    | (?P<escape>\\(?:x\{[^}]*\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|.))
    | (?P<set>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]?)
    | (?P<open>\((?:\?(?:P?<\w+>|[\w-]*[:)]?|.))?)
    | (?P<close>\))
    | (?P<repeat>\{(?P<least>[0-9]{1,6})(?:,(?P<most>[0-9]{0,6}))?\})
    | (?P<again>[*+?])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_CAPTURE = re.compile(r"\(\?P?<\w+>|\((?!\?)")
_CHARACTER, _SET, _SCRIPT = (1, 1), (4, 8), (4, 3500)
"""What a character, a small set, and a class of letters such as `\\pL` with its hundreds of ranges weigh when
a text is read, and in units when the pattern is made."""
_CALL = 50
"""Units."""
_LONGEST_REASON = 200
"""Characters; the library repeats the pattern."""
_MOST_ALONE = 20 * MOST_WORK
"""Units of a pattern that is used outside of an expression."""
_STATES = 16
"""Pairs of a character and a state that are tried for one unit."""


_Weight: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Shape:
    states: int
    """About how many, counting each repetition."""
    making: int
    """Units that it takes to make it."""
    captures: tuple[tuple[int, int], ...]
    """Where its groups that capture open."""


def problem(pattern: str) -> str | None:
    """Why `pattern` is none: RE2 has neither look-ahead nor back-references."""
    found = _ask(_matching(), "", pattern)
    if not isinstance(found, _Refusal):
        return None
    return found.reason


def matches(text: str, pattern: str) -> bool:
    """Whether `pattern`, in which `problem` found nothing, is found in `text`; never in one that would take
    seconds to read."""
    if _cost(text, pattern) > _MOST_ALONE:
        return False
    return _ask(_matching(), text, pattern) is True


def read(pattern: str) -> None:
    """Raises Failed when `pattern` is none, or takes more to be made than an expression may spend."""
    if shape(pattern).making > MOST_WORK:
        raise _not_a_pattern(pattern, "it is too large")
    if (reason := problem(pattern)) is not None:
        raise _not_a_pattern(pattern, reason)


def _found(frame: Frame, text: str, pattern: str) -> bool:
    frame.spend(_cost(text, pattern))
    found = _ask(_matching(), text, pattern)
    if isinstance(found, _Refusal):
        raise _not_a_pattern(pattern, found.reason)
    return found is True


def _extract(frame: Frame, text: str, pattern: str) -> str:
    """The first group of the first match, or all of the match when the pattern has no group; "" when nothing
    matches or the group has no part in it."""
    frame.spend(_cost(text, pattern))
    found = _ask(_extracting(), text, _with_one_group(pattern))
    if isinstance(found, _Refusal):
        raise _not_a_pattern(pattern, found.reason)
    assert isinstance(found, str)
    frame.read(len(found))
    return found


def _cost(text: str, pattern: str) -> int:
    found = shape(pattern)
    return _CALL + found.making + len(text) * found.states // _STATES


def _with_one_group(pattern: str) -> str:
    """The library refuses a second group that captures, so the others only hold together what is in them."""
    for start, end in reversed(shape(pattern).captures[1:]):
        pattern = f"{pattern[:start]}(?:{pattern[end:]}"
    return pattern


@lru_cache(maxsize=512)
def shape(pattern: str) -> _Shape:
    captures = []
    groups: list[list[_Weight]] = [[]]
    for token in _TOKEN.finditer(pattern):
        group = groups[-1]
        match token.lastgroup:
            case "open" if not token.group().endswith(")"):
                if _CAPTURE.match(token.group()):
                    captures.append(token.span())
                groups.append([])
            case "close" if len(groups) > 1:
                inner = _sum(groups.pop())
                groups[-1].append(inner)
            case "repeat" if group:
                times = max(int(token["least"]), int(token["most"] or 0), 1)
                group[-1] = (group[-1][0] * times, group[-1][1] * times)
            case "script":
                group.append(_SCRIPT)
            case "set":
                group += [_SET, *(_SCRIPT for _ in re.findall(r"\\[pP]", token.group()))]
            case "quoted":
                group += [_CHARACTER] * len(token["quoted"])
            case "again":
                pass
            case _:
                group.append(_SET if token.group() == "." else _CHARACTER)
    states, making = _sum([weight for group in groups for weight in group])
    return _Shape(1 + states, 1 + making, tuple(captures))


def _sum(weights: list[_Weight]) -> _Weight:
    return sum(states for states, _ in weights), sum(making for _, making in weights)


def _not_a_pattern(pattern: str, reason: str) -> Failed:
    return Failed(f"`{pattern if len(pattern) <= 60 else pattern[:57] + '...'}` is not a pattern: {reason}")


# --- the library --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: str


def _ask(question: cel.Expression, text: str, pattern: str) -> object:
    data = {"text": _bytes(text), "pattern": _bytes(pattern)}
    value = question.eval(data=data)
    if value.type() != cel.Type.ERROR:
        return value.plain_value()
    reason = re.sub(r"^[A-Z_]+: (invalid regular expression: )?", "", str(value.plain_value()))
    first = reason.removesuffix(f": {pattern}").partition("\n")[0]
    return _Refusal(first if len(first) <= _LONGEST_REASON else f"{first[:_LONGEST_REASON]}...")


def _bytes(text: str) -> bytearray:
    return bytearray(text.encode(errors="replace"))


@lru_cache(maxsize=1)
def _matching() -> cel.Expression:
    return _environment().compile("string(text).matches(string(pattern))")


@lru_cache(maxsize=1)
def _extracting() -> cel.Expression:
    return _environment().compile('regex.extract(string(text), string(pattern)).orValue("")')


def _environment() -> cel.Env:
    config = cel.NewEnvConfigFromYaml("extensions: [{name: optional}, {name: regex}]")
    return cel.NewEnv(config=config, variables={"text": cel.Type.BYTES, "pattern": cel.Type.BYTES})


METHODS: Mapping[str, Overloads] = {"matches": {(str, str): _found}, "extract": {(str, str): _extract}}
GLOBALS: Mapping[str, Overloads] = METHODS
