"""The JSON Schema of a runbook, taken apart so that each piece can be checked where it stands.

An editor checks `schemas/runbook.v1.json` as a whole. The compiler goes by dispatch instead: the top level,
then each step, then the parameters of each action, which gives exact places and one message for one mistake.
So the schema's steps and actions are cut out here and its other references put in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stanch.language.accept import Accepts, acceptor
from stanch.language.catalogue import Catalogue
from stanch.language.misfit import Misfit
from stanch.language.plan import Json

EXPRESSION = "an expression"
"""The title that marks a schema of bare CEL."""

_LOCAL = "#/$defs/"


@dataclass(slots=True, eq=False)
class Shape:
    """What one piece of a runbook has to look like. Nothing is made of its schema before it is needed."""

    schema: Json
    _accepts: Accepts | None = field(default=None, init=False)

    def accepts(self, data: Json) -> bool:
        if self._accepts is None:
            self._accepts = acceptor(self.schema)
        return self._accepts(data)

    def misfits(self, data: Json) -> Iterator[Misfit]:
        """What does not fit, if `data` is not accepted."""
        from stanch.language.refusal import misfits  # noqa: PLC0415 (slow, and not needed where all is well)

        return misfits(self.schema, data)


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    top: Shape
    step: Shape
    params: Mapping[str, Shape]
    """By action."""


_built: list[tuple[Catalogue, Shapes]] = []


def shapes_of(catalogue: Catalogue) -> Shapes:
    """The shapes for a catalogue; those of the last few catalogues are kept."""
    for known, shapes in _built:
        if known is catalogue:
            return shapes
    shapes = _build(catalogue)
    _built.insert(0, (catalogue, shapes))
    del _built[4:]
    return shapes


def _build(catalogue: Catalogue) -> Shapes:
    root = catalogue.runbook_schema
    definitions = {
        name: _with_actions(schema, catalogue)
        for name, schema in root["$defs"].items()
        if not name.endswith("_fields")
    }
    top = _inline({name: part for name, part in root.items() if name != "$defs"}, definitions)
    step = _inline(definitions["step"], definitions)
    params = {name: Shape(spec.params) for name, spec in catalogue.actions.items()}
    return Shapes(top=Shape(top), step=Shape(step), params=params)


def _with_actions(schema: Json, catalogue: Catalogue) -> Json:
    """The actions of a step or call are those of the catalogue, whatever the file lists."""
    properties = schema.get("properties", {})
    if "script" not in properties:
        return schema
    kept = {name: part for name, part in properties.items() if not _is_action(part)}
    actions = {name: {"type": "object"} for name in catalogue.actions}
    rest = {name: part for name, part in schema.items() if name != "allOf"}
    return {**rest, "properties": {**kept, **actions}}


def _is_action(schema: Json) -> bool:
    return str(schema.get("$ref", "")).endswith("_fields")


def _inline(schema: Json, definitions: Mapping[str, Json]) -> Json:
    """`schema` with its references replaced by what they name; a step inside it is let through unseen."""
    if isinstance(schema, list):
        return [_inline(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    own = {name: _inline(part, definitions) for name, part in schema.items() if name != "$ref"}
    reference = schema.get("$ref")
    if reference is None:
        return own
    name = reference.removeprefix(_LOCAL)
    return own if name == "step" else {**_inline(definitions[name], definitions), **own}
