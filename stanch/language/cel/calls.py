"""Calls of functions and operators: what is done is chosen by the kinds of the values."""

from __future__ import annotations

from collections.abc import Callable

from stanch.language.cel.frame import Failed, Frame, Run
from stanch.language.cel.library import GLOBALS, VARIADIC
from stanch.language.cel.operators import BINARY, OPERATORS, UNARY, Implementation, Overloads
from stanch.language.cel.syntax import Malformed
from stanch.language.cel.values import Value, words


def function(name: str, args: list[Run], at: int) -> Run:
    if (variadic := VARIADIC.get(name)) is not None:
        if len(args) != 1:
            return lambda frame: variadic(frame, [run(frame) for run in args])
        (only,) = args

        def of_one(frame: Frame) -> Value:
            value = only(frame)
            return variadic(frame, value if type(value) is list else [value])

        return of_one
    if name not in GLOBALS:
        raise Malformed(f"there is no function `{name}`", at)
    return dispatch(name, GLOBALS[name], args)


def dispatch(name: str, overloads: Overloads, args: list[Run]) -> Run:
    def called(frame: Frame) -> Value:
        values = [run(frame) for run in args]
        found = overloads.get(tuple(map(type, values)))
        if found is None:
            given = ", ".join(map(words, values)) or "nothing"
            raise Failed(f"`{name}` does not take {given}")
        return found(frame, *values)

    return called


def operator(name: str, args: list[Run]) -> Run | None:
    if (logic := _LOGIC.get((name, len(args)))) is not None:
        return logic(*args)
    if len(args) == 1 and (unary := UNARY.get(name)) is not None:
        (only,) = args
        return lambda frame: unary(frame, only(frame))
    if len(args) != 2:
        return None
    left, right = args
    if (binary := BINARY.get(name)) is not None:
        return lambda frame: binary(frame, left(frame), right(frame))
    if (overloads := OPERATORS.get(name)) is not None:
        return _between(name.strip("_"), overloads, left, right)
    return None


def _between(sign: str, overloads: Overloads, left: Run, right: Run) -> Run:
    def applied(frame: Frame) -> Value:
        a, b = left(frame), right(frame)
        found: Implementation | None = overloads.get((type(a), type(b)))
        if found is None:
            raise Failed(f"`{sign}` does not work between {words(a)} and {words(b)}")
        return found(frame, a, b)

    return applied


# --- logic: a side that fails does not matter when the other one decides ------------------------------------


def _decides(sign: str, deciding: bool) -> Callable[[Run, Run], Run]:
    """`false` decides `&&`, and `true` decides `||`."""

    def either(left: Run, right: Run) -> Run:
        def decided(frame: Frame) -> bool:
            try:
                if truth(left(frame), sign) is deciding:
                    return deciding
            except Failed:
                if truth(right(frame), sign) is deciding:
                    return deciding
                raise
            return truth(right(frame), sign)

        return decided

    return either


def truth(value: Value, asked_by: str) -> bool:
    if value is True or value is False:
        return bool(value)
    raise Failed(f"`{asked_by}` needs true or false and gets {words(value)}")


def _conditional(condition: Run, then: Run, otherwise: Run) -> Run:
    def chosen(frame: Frame) -> Value:
        return then(frame) if truth(condition(frame), "?") else otherwise(frame)

    return chosen


_LOGIC: dict[tuple[str, int], Callable[..., Run]] = {
    ("_&&_", 2): _decides("&&", deciding=False),
    ("_||_", 2): _decides("||", deciding=True),
    ("_?_:_", 3): _conditional,
}
