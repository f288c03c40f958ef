"""Made-up Plans, read off the types of their dataclasses: a new field needs no line here."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from stanch.language.plan import Plan

DEEPEST = 5

texts = st.sampled_from(["", "a", "web1", "30s", "${{ inputs.a }}", "é😀", 'x "y"']) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def plans() -> st.SearchStrategy[Plan]:
    return of(Plan)


def of(kind: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of the type `kind`; what may be empty is so when it lies deep."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return st.deferred(lambda: _instances(kind, depth))
    if kind is Any:
        return values
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(of(inner[0], depth + 1), max_size=_most(depth)).map(tuple)
    if origin is not None and issubclass_of_mapping(origin):
        return st.dictionaries(texts, of(inner[1], depth + 1), max_size=_most(depth))
    if origin in (Union, types.UnionType):
        chosen = [part for part in inner if part is not type(None) and (depth < DEEPEST or part in _SIMPLE)]
        optional = [st.none()] if type(None) in inner else []
        return st.one_of(*optional, *(of(part, depth + 1) for part in chosen))
    return _SIMPLE[kind]


def issubclass_of_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


_SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bool: st.booleans(),
    int: st.integers(1, 50),
    float: st.floats(0, 1e6) | st.integers(0, 3600).map(float),
}


_schemas = st.dictionaries(
    texts,
    st.fixed_dictionaries(
        {}, optional={"type": texts, "default": values, "enum": st.lists(values, min_size=1) | texts}
    ),
    max_size=2,
)
_MADE: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "ForEach": {
        "batches": st.lists(st.sampled_from([1, 3, "25%", "100%"]), max_size=2).map(tuple),
        "max_failures": st.sampled_from([0, 1, 3, "0%", "10%"]),
    },
    "Plan": {"inputs": _schemas},
    "Ask": {"fields": _schemas},
    "Call": {
        "action": st.sampled_from(["ssh", "http", "prometheus", "ansible", "manual", "command", "other"]),
        "params": st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(("hosts", "run", "env", "json", "query", "headers", "form"), values),
                **dict.fromkeys(("url", "script", "stdin", "method", "as", "playbook", "who", "do"), texts),
            },
        ),
    },
}
"""Where any value of the type would be none that the compiler lets through."""


def _most(depth: int) -> int:
    return 2 if depth < DEEPEST else 0


def _instances(kind: Any, depth: int) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    made = _MADE.get(kind.__name__, {})
    given = {
        field.name: made[field.name] if field.name in made else of(hints[field.name], depth + 1)
        for field in dataclasses.fields(kind)
    }
    needed = {name: made for name, made in given.items() if _is_needed(kind, name)}
    others = {name: made for name, made in given.items() if name not in needed}
    return st.fixed_dictionaries(needed, optional=others).map(lambda drawn: kind(**drawn))


def _is_needed(kind: Any, name: str) -> bool:
    (field,) = [field for field in dataclasses.fields(kind) if field.name == name]
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
