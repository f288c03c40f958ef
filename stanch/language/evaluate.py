"""Run checked expressions: CEL over a scope of names, and `${{ }}` in any JSON value.

Types were settled by the compiler (`expressions`), so here every root name is dynamic and one environment
serves a whole Plan. A scope maps root names (`inputs`, `steps`, `run`, `result`, a `for_each` name) to data;
a dotted key such as `run.started` or `steps.drain.ended` is a moment, in seconds since the epoch, and
becomes a CEL timestamp. CEL bounds the iterations of an expression by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite
from typing import TypeAlias

from cel_expr_python import cel
from cel_expr_python.ext import ext_math, ext_strings

from stanch.errors import EvaluationError
from stanch.language.duration import format_duration
from stanch.language.encode import canonical
from stanch.language.plan import Json
from stanch.language.template import Hole, sole_hole, split

Scope: TypeAlias = Mapping[str, Json]

_LONGEST_REASON = 300
_CHAIN = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


def extensions() -> list[cel.CelExtensionBase]:
    """The CEL extensions of the language, for the checker and for evaluation alike."""
    return [ext_strings.ExtStrings(), ext_math.ExtMath()]


def evaluate(expression: str, scope: Scope) -> Json:
    """The value of a bare CEL expression. Raises EvaluationError."""
    names = frozenset(_names(expression).intersection(scope))
    try:
        value = _compiled(expression, names).eval(data=_bindings(names, scope))
    except RuntimeError as error:
        raise EvaluationError(f"`{expression}`: {_reason(str(error))}") from error
    if value.type() == cel.Type.ERROR:
        raise EvaluationError(f"`{expression}`: {_reason(str(value.plain_value()))}")
    return _to_json(value.plain_value(), expression)


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
    return _matching().eval(data={"text": text, "pattern": pattern}).plain_value() is True


def pattern_problem(pattern: str) -> str | None:
    """Why `pattern` is none that CEL reads: it has neither look-ahead nor back-references."""
    value = _matching().eval(data={"text": "", "pattern": pattern})
    if value.type() != cel.Type.ERROR:
        return None
    return _reason(str(value.plain_value())).removeprefix("invalid regular expression: ")


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
    """Every name in the expression and what it begins with: `steps`, `steps.a`, `steps.a.b`. Words inside
    string literals are among them; a name too many does no harm."""
    found: set[str] = set()
    for chain in _CHAIN.findall(expression):
        parts = chain.split(".")[:3]
        found.update(".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return frozenset(found)


@lru_cache(maxsize=4096)
def _compiled(expression: str, names: frozenset[str]) -> cel.Expression:
    return _environment(names).compile(expression)


@lru_cache(maxsize=1)
def _matching() -> cel.Expression:
    names = {"text": cel.Type.STRING, "pattern": cel.Type.STRING}
    return cel.NewEnv(variables=names).compile("text.matches(pattern)")


@lru_cache(maxsize=256)
def _environment(names: frozenset[str]) -> cel.Env:
    variables = {name: cel.Type.TIMESTAMP if "." in name else cel.Type.DYN for name in names}
    return cel.NewEnv(variables=variables, extensions=extensions())


def _bindings(names: frozenset[str], scope: Scope) -> dict[str, Json]:
    return {name: datetime.fromtimestamp(scope[name], UTC) if "." in name else scope[name] for name in names}


def _to_json(value: Json, expression: str) -> Json:
    match value:
        case float() if not isfinite(value):
            raise EvaluationError(
                f"`{expression}`: gives {value!r}, which is not a number that JSON can hold"
            )
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_to_json(held, expression) for held in value]
        case dict():
            return {str(key): _to_json(held, expression) for key, held in value.items()}
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return format_duration(value.total_seconds())
        case _:
            raise EvaluationError(f"`{expression}`: gives a {type(value).__name__}, which is not data")


def _reason(message: str) -> str:
    """CEL's message without its status codes and its drawing of the source. It may quote the data."""
    first = message.splitlines()[0] if message else "failed"
    reason = re.sub(r"^[A-Z_]+: (ERROR: <input>:)?|\s*\[[A-Z_]+\]$", "", first)
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}..."
