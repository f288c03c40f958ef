"""What the compiler knows of each action: a value made from `schemas/actions/<name>.v1.json`.

The files are read by whoever calls the compiler (`stanch.schemas`); this module only interprets them.
Beside `$defs/params` and `$defs/result` (JSON Schema) a file has `x-stanch`:

- `effect`: `read` (it can only read), `declared` (each step says `effect:`), `by_method` (HTTP: GET and
  HEAD read, every other method must say), or `optional` (`manual`: it reads unless the step says `change`);
- `targets`: the parameter that names what is touched, if one does; a list of exactly one target written in
  the runbook makes `result` one object, anything else makes it a list of them (`per_target` true);
- `timeout`: seconds a step may take when it does not say;
- `knows_done`, `knows_undo`: whether the action brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from stanch.language.plan import Json

EffectRule: TypeAlias = Literal["read", "declared", "by_method", "optional"]


@dataclass(frozen=True, slots=True, eq=False)
class ActionSpec:
    name: str
    effect: EffectRule
    params: Json
    """JSON Schema of the parameters; a value may also be a `${{ }}` string where the schema says so."""
    result: Json
    """JSON Schema of one result."""
    timeout: float
    targets: str | None = None
    per_target: bool = False
    knows_done: bool = False
    knows_undo: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    actions: Mapping[str, ActionSpec]
    runbook_schema: Json
    """`schemas/runbook.v1.json`."""


def action_spec(name: str, document: Json) -> ActionSpec:
    """The spec in one action's schema document. Raises KeyError when a required part is missing."""
    own = document["x-stanch"]
    return ActionSpec(
        name=name,
        effect=own["effect"],
        params={**document["$defs"]["params"], "$defs": document["$defs"]},
        result={**document["$defs"]["result"], "$defs": document["$defs"]},
        timeout=float(own["timeout"]),
        targets=own.get("targets"),
        per_target=own.get("per_target", False),
        knows_done=own.get("knows_done", False),
        knows_undo=own.get("knows_undo", False),
    )
