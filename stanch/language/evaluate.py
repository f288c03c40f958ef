"""Run checked expressions: CEL over a scope of names, and `${{ }}` in any JSON value.

Types were settled by the compiler (`judge`), so nothing is checked twice here. A scope maps root names
(`inputs`, `steps`, `run`, `result`, a `for_each` name) to data; a dotted key such as `run.started` or
`steps.drain.ended` is a moment, in seconds since the epoch. What one expression may cost is bounded
(`stanch.language.cel.frame`), and what it gives is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite
from typing import TypeAlias

from stanch.errors import EvaluationError
from stanch.language.cel import pattern as re2
from stanch.language.cel.frame import DEEPEST, Failed, Frame, Missing, TooMuch, deep
from stanch.language.cel.program import program
from stanch.language.cel.syntax import Malformed
from stanch.language.cel.values import SECOND, Moment, Span, Value, words
from stanch.language.chains import chains
from stanch.language.duration import format_duration
from stanch.language.encode import canonical
from stanch.language.plan import Json
from stanch.language.template import Hole, sole_hole, split

Scope: TypeAlias = Mapping[str, Json]

_LONGEST_REASON = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def evaluate(expression: str, scope: Scope) -> Json:
    """The value of a bare CEL expression, as data of its own. Raises EvaluationError."""
    try:
        compiled = program(expression)
        frame = Frame(scope, compiled.slots)
        frame.spend(compiled.cost)
        return _to_json(frame, compiled.run(frame))
    except (Failed, Malformed, TooMuch) as error:
        reason = str(error)
        if len(reason) > _LONGEST_REASON:
            reason = f"{reason[:_LONGEST_REASON]}..."
        raise EvaluationError(f"`{expression}`: {reason}") from error


def is_missing(error: EvaluationError) -> bool:
    """Whether an expression failed because a map does not have a key that it reads."""
    return isinstance(error.__cause__, Missing)


def holds(expression: str, scope: Scope) -> bool:
    """The truth of a bare CEL expression. Raises EvaluationError, also when it is not a bool."""
    value = evaluate(expression, scope)
    if not isinstance(value, bool):
        raise EvaluationError(f"`{expression}`: gives {value!r}, which is neither true nor false")
    return value


def render(value: Json, scope: Scope) -> Json:
    """`value` with every `${{ }}` replaced, in strings at any depth; keys stay as they are.

    A secret reference is the author's to write: it is not rendered, and data that looks like one is refused,
    or an answer from outside could have the worker send its own secrets away. Raises EvaluationError.
    """
    if isinstance(value, str):
        return _render_text(value, scope)
    if _is_secret(value):
        return value
    if isinstance(value, Mapping):
        return {key: render(held, scope) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [render(held, scope) for held in value]
    return value


def matches(text: str, pattern: str) -> bool:
    """Whether `pattern`, in which `pattern_problem` found nothing, is found in `text`. Linear in time."""
    return re2.matches(text, pattern)


def pattern_problem(pattern: str) -> str | None:
    """Why `pattern` is none that CEL reads: it has neither look-ahead nor back-references."""
    return re2.problem(pattern)


def referenced(expressions: list[str], scope: Scope) -> dict[str, Json]:
    """The part of `scope` that the expressions may read, so that a task carries no more than it needs."""
    names = frozenset[str]().union(*(_names(expression) for expression in expressions))
    needed = {name: held for name, held in scope.items() if name in names}
    for root in ("steps", "inputs", "run"):
        if isinstance(held := needed.get(root), Mapping):
            needed[root] = _pruned(root, held, names)
    return needed


def _pruned(root: str, held: Mapping[str, Json], names: frozenset[str]) -> dict[str, Json]:
    """`held` without what no name begins with: of `steps`, only the outputs that are read."""
    kept = {key: value for key, value in held.items() if f"{root}.{key}" in names}
    if root != "steps":
        return kept
    return {
        key: {inner: each for inner, each in value.items() if f"{root}.{key}.{inner}" in names}
        for key, value in kept.items()
    }


def show(value: Json) -> str:
    """`value` inside a text: strings as they are, numbers as CEL writes them, the rest as compact JSON."""
    if isinstance(value, str):
        return value
    return canonical(value).decode()


def _render_text(text: str, scope: Scope) -> Json:
    parts = split(text)
    if (hole := sole_hole(parts)) is not None:
        return _without_secrets(evaluate(hole.cel, scope), hole.cel)
    return "".join(show(evaluate(part.cel, scope)) if isinstance(part, Hole) else part for part in parts)


def _is_secret(value: Json) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secret"}


def _without_secrets(value: Json, expression: str) -> Json:
    """`value`, if no part of it reads as a secret reference. Raises EvaluationError."""
    inner: list[Json] = [value]
    while inner:
        held = inner.pop()
        if _is_secret(held):
            raise EvaluationError(f"`{expression}`: gives data that reads as a secret reference")
        inner += held.values() if isinstance(held, Mapping) else held if isinstance(held, list) else ()
    return value


@lru_cache(maxsize=4096)
def _names(expression: str) -> frozenset[str]:
    """Every name in the expression and what it begins with: `steps`, `steps.a`, `steps.a.b`."""
    found: set[str] = set()
    for chain in chains(expression):
        parts = chain.parts[:3]
        found.update(".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return frozenset(found)


def _to_json(frame: Frame, value: Value, depth: int = 0) -> Json:
    """A copy of `value`, with moments and durations as text."""
    match value:
        case None | bool():
            return value
        case int():
            return int(value)  # and not a Uint
        case str():
            frame.read(len(value))
            return value
        case float():
            if not isfinite(value):
                raise Failed(f"gives {value!r}, which is not a number that JSON can hold")
            return value
        case list() | dict():
            if depth == DEEPEST:
                raise deep()
            frame.spend(1 + len(value))
            if isinstance(value, list):
                return [_to_json(frame, held, depth + 1) for held in value]
            return {str(key): _to_json(frame, held, depth + 1) for key, held in value.items()}
        case Moment():
            moment = _EPOCH + timedelta(microseconds=value.nanos // 1000)
            return moment.isoformat().replace("+00:00", "Z")
        case Span():
            return format_duration(value.nanos / SECOND)
        case _:
            raise Failed(f"gives {words(value)}, which is not data")
