"""The names that an expression may read where it stands, with their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from stanch.language.catalogue import ActionSpec
from stanch.language.document import CallDoc, StepDoc
from stanch.language.plan import Json
from stanch.language.record import record, unslotted
from stanch.language.types import BOOL, RECORD, STRING, TIMESTAMP, Signature, of_schema

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
    "incident": RECORD,
    "resolved": BOOL,
    "findings": "list(map(string,dyn))",
}
INCIDENT: Mapping[str, Signature] = {"id": STRING, "severity": STRING, "title": STRING, "url": STRING}
"""Of `run.incident`, when the run belongs to one."""
CHILD_RESULT: Mapping[str, Signature] = {
    "outcome": STRING,
    "outputs": RECORD,
    "findings": "list(map(string,dyn))",
}
"""What `result` is behind the call of another runbook."""
ROUNDS = {"results": "list(map(string,dyn))"}
"""What a loop gives: of every round its `item`, whether it went well (`ok`), and its outputs."""
ROUND = frozenset({"item", "ok"})
OWN_WORDS = frozenset({"outputs", "ask", "for_each"})
"""The words of a step that say what it gives."""

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


@record
class ResultType:
    """What `result` is: one object with these fields, or a list of such objects."""

    many: bool
    fields: Mapping[str, Signature] | None
    """None when nothing is known of it."""
    outputs: Mapping[str, Signature] | None = None
    """Of the runbook that was called, if it is known."""


class Doubt(NamedTuple):
    """Why there may be nothing of a step: its `when`, a failure that does not stop the run, or a person who
    was asked about a failure and skipped the step."""

    step: str
    when: str | None
    """Its condition, if that is the reason."""
    skipped: bool = False
    """Whether a person is the reason. If it is neither: it fails, and the run goes on."""

    @property
    def may_fail(self) -> bool:
        return self.when is None and not self.skipped


@record
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
    made: Mapping[str, Signature] = field(default_factory=dict)
    """Of a loop: the outputs that each round makes."""
    alone: frozenset[str] = frozenset()
    """Those of the outputs that only the action gives: they do not exist where `done` held before."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round of the loop of the step `step` gave, or each of a list of them."""

    step: str
    whole: bool
    """Whether it gave all of its outputs for sure."""
    many: bool = False


@unslotted
class Scope:
    """A copy of it with something changed is made for every step."""

    inputs: Mapping[str, Signature] = field(default_factory=dict)
    ended: Mapping[str, StepNames] = field(default_factory=dict)
    loops: Mapping[str, Signature] = field(default_factory=dict)
    records: Mapping[str, Round | None] = field(default_factory=dict)
    """Of those the ones that go through the rounds of an earlier loop."""
    rounds: tuple[str, ...] = ()
    """Ids of the loops around."""
    doubts: tuple[Doubt, ...] = ()
    """The conditions that hold here, because this place is behind them too."""
    asserted: frozenset[str] = frozenset()
    """What is known of steps (facts of `guards`), by the conditions and `require` on the way here."""
    step: StepDoc | None = None
    """Whose expression it is."""
    own: Mapping[str, Signature] | None = None
    """The step's own outputs, once they exist."""
    made: Mapping[str, Signature] = field(default_factory=dict)
    """Behind the step's own loop: the outputs that each round has made."""
    result: ResultType | None = None
    alert: bool = False
    nameless: bool = False
    """A loop around was not understood, so any name may be that of its items."""

    def but(self, **changed: Any) -> Scope:
        """A copy with other values in these fields; `dataclasses.replace` takes ten times as long."""
        scope = object.__new__(Scope)
        # Of the ways to do it the quickest: there are 120 copies a runbook.
        scope.__dict__ = self.__dict__ | changed
        return scope

    def with_loop(self, name: str, item: Signature, record: Round | None = None) -> Scope:
        if record is None and not self.records:
            return self.but(loops={**self.loops, name: item})
        return self.but(loops={**self.loops, name: item}, records={**self.records, name: record})

    def with_result(self, result: ResultType | None) -> Scope:
        return self if result is self.result else self.but(result=result)


def result_of(call: CallDoc | None) -> ResultType | None:
    """The type of `result` behind `call`."""
    if call is None:
        return None
    if call.spec is None or call.spec.targets in call.lost:
        return UNKNOWN_RESULT
    return _result_type(call.spec, call.fans_out)


UNKNOWN_RESULT = ResultType(many=False, fields=None)


@lru_cache(maxsize=256)
def _result_type(spec: ActionSpec, many: bool) -> ResultType:
    return ResultType(many, result_fields(spec))


@lru_cache(maxsize=256)
def result_fields(spec: ActionSpec) -> Mapping[str, Signature]:
    schema: Json = spec.result
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return {name: of_schema(part, schema.get("$defs")) for name, part in properties.items()}


def many_type(result: ResultType) -> Signature:
    return f"list({RECORD})" if result.many else RECORD
