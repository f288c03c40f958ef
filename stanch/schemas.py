"""Find and read the JSON Schema files: `schemas/` of the checkout, or the copy inside the wheel."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from stanch.language.catalogue import Catalogue, action_spec
from stanch.language.plan import Json

_HERE = Path(__file__).resolve().parent


def schema_root() -> Path:
    """The folder with `runbook.v1.json`: beside the package in a checkout, inside it in a wheel."""
    checkout = _HERE.parent / "schemas"
    return checkout if (checkout / "runbook.v1.json").exists() else _HERE / "schemas"


@cache
def load_schema(name: str) -> Json:
    """The parsed schema document `name`, such as `runbook.v1.json` or `actions/ssh.v1.json`.

    A document that is a property's whole schema stands in the place of the reference, with its own `$id`, so
    that it is validated without a look-up.
    """
    document = json.loads((schema_root() / name).read_text(encoding="utf-8"))
    if properties := document.get("properties"):
        document["properties"] = {word: _whole(part) for word, part in properties.items()}
    return document


def _whole(schema: Json) -> Json:
    reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
    if not reference.endswith(".json"):
        return schema
    own = {word: part for word, part in schema.items() if word != "$ref"}
    return {**load_schema(reference), "$id": reference, **own}


@cache
def load_catalogue() -> Catalogue:
    """Every action that has a schema file, and the schema of a runbook."""
    actions = {}
    for path in sorted((schema_root() / "actions").glob("*.v1.json")):
        name = path.name.removesuffix(".v1.json")
        actions[name] = action_spec(name, load_schema(f"actions/{path.name}"))
    return Catalogue(actions=actions, runbook_schema=load_schema("runbook.v1.json"))
