"""What the compiler knows of each action: a value made from `schemas/actions/<name>.v1.json`.

The files are read by whoever calls the compiler (`stanch.schemas`); this module only interprets them.
Beside `$defs/params` and `$defs/result` (JSON Schema) a file has `x-stanch`:

- `effect`: `read` (it can only read), `declared` (each step says `effect:`), `optional` (`manual`: it reads
  unless the step says `change`), or told by a parameter, or the first there is of several
  (`{"param": "method", "missing": "read", "reads": "GET|HEAD", "changes": "DELETE"}`; `EffectByParam`);
- `targets`: the parameter that names what is touched, if one does; a list of exactly one target written in
  the runbook makes `result` one object, anything else makes it a list of them (`per_target` true), but for
  what is written as one value where that may be one target (`per_target` `"listed"`);
- `timeout`: seconds a step may take when it does not say;
- `knows_done`, `knows_undo`: whether the action brings its own;
- `tells`: it only tells people, so it reads as far as production goes, and is not repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from stanch.language.plan import Effect, Json


@dataclass(frozen=True, slots=True)
class EffectByParam:
    """A parameter tells whether a call changes anything: an HTTP method, or the words of a command line."""

    params: tuple[str, ...]
    """The first of them that is there tells."""
    missing: Effect | None
    """What a call without any of them does; None when the step has to say."""
    reads: re.Pattern[str]
    changes: re.Pattern[str]
    """What the parameter begins with, in whole words; the step has to say when neither matches."""

    def of(self, words: str) -> Effect | None:
        if self.reads.match(words):
            return "read"
        return "change" if self.changes.match(words) else None


EffectRule: TypeAlias = Literal["read", "declared", "optional"] | EffectByParam


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
    one_by_name: bool = False
    """What is written as one value, also one to be filled in, is one target."""
    knows_done: bool = False
    knows_undo: bool = False
    tells: bool = False
    """It changes nothing that runs and tells people something, who are not to hear it twice."""


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
        effect=_rule(own["effect"]),
        params={**document["$defs"]["params"], "$defs": document["$defs"]},
        result={**document["$defs"]["result"], "$defs": document["$defs"]},
        timeout=float(own["timeout"]),
        targets=own.get("targets"),
        per_target=bool(own.get("per_target")),
        one_by_name=own.get("per_target") == "listed",
        knows_done=own.get("knows_done", False),
        knows_undo=own.get("knows_undo", False),
        tells=own.get("tells", False),
    )


def _rule(said: Json) -> EffectRule:
    if not isinstance(said, dict):
        return said  # type: ignore[no-any-return]
    reads, changes = (_beginning(said.get(word)) for word in ("reads", "changes"))
    params = (said["param"],) if isinstance(said["param"], str) else tuple(said["param"])
    return EffectByParam(params, said.get("missing"), reads, changes)


def _beginning(pattern: str | None) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})(?!\S)" if pattern is not None else r"(?!)")
