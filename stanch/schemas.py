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
    """The parsed schema document `name`, such as `runbook.v1.json` or `actions/ssh.v1.json`."""
    return json.loads((schema_root() / name).read_text(encoding="utf-8"))


@cache
def load_catalogue() -> Catalogue:
    """Every action that has a schema file, and the schema of a runbook."""
    actions = {}
    for path in sorted((schema_root() / "actions").glob("*.v1.json")):
        name = path.name.removesuffix(".v1.json")
        actions[name] = action_spec(name, load_schema(f"actions/{path.name}"))
    return Catalogue(actions=actions, runbook_schema=load_schema("runbook.v1.json"))
