"""What a name stands for: an item of a loop in the expression, a part of the scope, or a type.

A scope's key with points in it, such as `run.started`, is a moment in seconds since 1970.
"""

from __future__ import annotations

from stanch.language.cel.frame import Failed, Frame, Missing, Run, Slots
from stanch.language.cel.operators import moment
from stanch.language.cel.syntax import Field, Name, Node
from stanch.language.cel.values import TYPE_NAMES, Kind, Value, words

_KINDS = {name: Kind(name) for name in TYPE_NAMES.values()}


def chain_of(node: Node, local: Slots) -> tuple[str, ...] | None:
    """The names of `steps.drain.pool`; None for what does not begin with a root of the scope."""
    names: list[str] = []
    while isinstance(node, Field):
        names.append(node.name)
        node = node.of
    if not isinstance(node, Name) or node.name in local:
        return None
    return (node.name.removeprefix("."), *reversed(names))


def of_slot(number: int) -> Run:
    return lambda frame: frame.slots[number]


def of_path(chain: tuple[str, ...]) -> Run:
    root, *rest = chain
    dotted = [".".join(chain[: length + 1]) for length in range(1, len(chain))]
    whole = ".".join(chain)

    def read(frame: Frame) -> Value:
        scope = frame.scope
        for length, name in enumerate(dotted, 1):
            if name in scope:
                return _followed(moment(round(scope[name] * 1_000_000) * 1000), rest[length:])
        if root not in scope:
            if (kind := _KINDS.get(whole)) is not None:
                return kind
            raise Failed(f"nothing is called `{root}` here")
        held = scope[root]
        for at, name in enumerate(rest):
            if type(held) is not dict or name not in held:
                if at and type(held) is dict:
                    raise Missing(f"there is no `{name}` in `{'.'.join(chain[: at + 1])}`")
                return selected(held, name)
            held = held[name]
        return held

    return read


def _followed(held: Value, names: list[str]) -> Value:
    for name in names:
        held = selected(held, name)
    return held


def selected(held: Value, name: str) -> Value:
    if type(held) is not dict:
        raise Failed(f"{words(held)} has no fields, so not `{name}` either")
    if name not in held:
        raise Missing(f"there is no `{name}`")
    return held[name]
