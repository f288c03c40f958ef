"""Whether the value of an expression can stand where a JSON Schema wants something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import lru_cache

from stanch.language.catalogue import ActionSpec
from stanch.language.misfit import TEMPLATE
from stanch.language.plan import Json
from stanch.language.record import record
from stanch.language.types import DYN, Signature, element_of

_SCALARS = frozenset({"string", "number", "integer", "boolean"})
_NAMES = {"array": "a list", "object": "a mapping"}


@record
class Wanted:
    """What a schema wants in one place; `schema` is None where it does not say.

    Answers are kept, as every step that calls an action asks for the same ones again.
    """

    schema: Json = None
    definitions: Json = None
    _better: dict[Signature, str | None] = field(default_factory=dict, init=False)
    _inner: dict[str | int, Wanted] = field(default_factory=dict, init=False)

    def at(self, key: str | int) -> Wanted:
        """What is wanted for a property, or for the items, of a value that is wanted here."""
        if key not in self._inner:
            self._inner[key] = self._at(key)
        return self._inner[key]

    def _at(self, key: str | int) -> Wanted:
        for part in self._alternatives(self.schema):
            inner = part.get("items") if isinstance(key, int) else part.get("properties", {}).get(key)
            if inner is None and isinstance(key, str):
                inner = part.get("additionalProperties")
            if isinstance(inner, dict):
                return Wanted(inner, self.definitions)
        return NOTHING

    def unfit(self, kind: Signature) -> str | None:
        """What is wanted instead of a value of type `kind`, in words; None when it may fit.

        Only lists, mappings and single values are told apart: whether `"80"` will do as a port is for the
        action to say.
        """
        if kind not in self._better:
            self._better[kind] = self._unfit(kind)
        return self._better[kind]

    def _unfit(self, kind: Signature) -> str | None:
        if kind in (DYN, "null"):
            return None
        allowed: set[str] = set()
        for part in self._alternatives(self.schema):
            types = part.get("type")
            if types is None:
                return None
            if part.get("pattern") != TEMPLATE:
                allowed |= {types} if isinstance(types, str) else set(types)
        given = "array" if element_of(kind) is not None else "object" if kind.startswith("map(") else None
        if not allowed or given in allowed or (given is None and allowed & _SCALARS):
            return None
        names = [_NAMES[name] for name in sorted(allowed & set(_NAMES))]
        return " or ".join(["one value", *names] if allowed & _SCALARS else names)

    def _alternatives(self, schema: Json) -> Iterator[Json]:
        if not isinstance(schema, dict):
            return
        if isinstance(reference := schema.get("$ref"), str):
            definitions = self.definitions or {}
            yield from self._alternatives(definitions.get(reference.removeprefix("#/$defs/")))
        elif "type" not in schema and isinstance(branches := schema.get("anyOf", schema.get("oneOf")), list):
            for branch in branches:
                yield from self._alternatives(branch)
        else:
            yield schema


def params_of(spec: ActionSpec) -> Wanted:
    """What an action wants of its parameters."""
    return Wanted(spec.params, spec.params.get("$defs"))


@lru_cache(maxsize=1024)
def of_param(spec: ActionSpec, name: str) -> Wanted:
    """What it wants of one of them; nearly every step asks."""
    return params_of(spec).at(name)


NOTHING = Wanted()
LIST = Wanted({"type": "array"})
ONE_VALUE = Wanted({"type": ["string", "number"]})
