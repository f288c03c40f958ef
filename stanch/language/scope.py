"""The names that an expression may read where it stands, with their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stanch.language.catalogue import ActionSpec
from stanch.language.document import CallDoc, StepDoc
from stanch.language.plan import Json
from stanch.language.types import BOOL, DYN, RECORD, STRING, TIMESTAMP, Signature, of_schema

STEP_STATE: Mapping[str, Signature] = {
    "ok": BOOL,
    "ran": BOOL,
    "failed": BOOL,
    "denied": BOOL,
    "started": TIMESTAMP,
    "ended": TIMESTAMP,
}
"""What every step has beside its outputs."""

RUN: Mapping[str, Signature] = {
    "id": STRING,
    "short_id": STRING,
    "url": STRING,
    "mode": STRING,
    "severity": STRING,
    "started": TIMESTAMP,
    "now": TIMESTAMP,
}
RUN_LATER = frozenset({"incident", "findings"})
"""Names of `run` that this release does not fill."""

ALERT: Mapping[str, Signature] = {
    "source": STRING,
    "status": STRING,
    "fingerprint": STRING,
    "labels": "map(string,string)",
    "annotations": "map(string,string)",
    "started": TIMESTAMP,
    "url": STRING,
}

ROOTS = frozenset({"inputs", "steps", "run", "alert", "result"})
"""Names with a meaning of their own; a loop cannot be called so."""


@dataclass(frozen=True, slots=True)
class ResultType:
    """What `result` is: one object with these fields, or a list of such objects."""

    many: bool
    fields: Mapping[str, Signature] | None
    """None when nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A step that may not run (its `when`), or that may fail without stopping the run."""

    step: str
    when: str | None
    """None: it fails and the run goes on."""


@dataclass(frozen=True, slots=True)
class StepNames:
    """A step that has ended, as others see it."""

    step: StepDoc
    outputs: Mapping[str, Signature]
    rounds: tuple[str, ...]
    """Ids of the loops that it runs inside of: its outputs are of one round."""
    doubts: tuple[Doubt, ...]
    """Why its outputs may not exist."""
    open: bool = False
    """Its outputs are not known, so any name is let through."""


@dataclass(frozen=True, slots=True)
class Scope:
    inputs: Mapping[str, Signature] = field(default_factory=dict)
    ended: Mapping[str, StepNames] = field(default_factory=dict)
    loops: Mapping[str, Signature] = field(default_factory=dict)
    rounds: tuple[str, ...] = ()
    """Ids of the loops around."""
    doubts: tuple[Doubt, ...] = ()
    """The conditions that hold here, because this place is behind them too."""
    asserted: frozenset[str] = frozenset()
    """Steps of which a condition or `require` on the way here has asked whether they ran or went well."""
    step: StepDoc | None = None
    """Whose expression it is."""
    own: Mapping[str, Signature] | None = None
    """The step's own outputs, once they exist."""
    result: ResultType | None = None
    alert: bool = False

    def with_loop(self, name: str, item: Signature) -> Scope:
        return replace(self, loops={**self.loops, name: item})

    def with_result(self, result: ResultType | None) -> Scope:
        return replace(self, result=result)


def result_of(call: CallDoc | None, *, rounds: bool = False) -> ResultType | None:
    """The type of `result` after `call`; with `rounds`, of a whole loop over it."""
    if call is None or call.spec is None:
        return None if call is None else ResultType(many=False, fields=None)
    return ResultType(many=rounds or call.fans_out, fields=_fields(call.spec, rounds=rounds))


UNKNOWN_RESULT = ResultType(many=False, fields=None)


def _fields(spec: ActionSpec, *, rounds: bool) -> Mapping[str, Signature]:
    schema: Json = spec.result
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    found = {name: of_schema(part, schema.get("$defs")) for name, part in properties.items()}
    return {**found, "item": DYN} if rounds else found


def many_type(result: ResultType) -> Signature:
    return f"list({RECORD})" if result.many else RECORD
