"""What each name in an expression refers to, in the scope where the expression stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from stanch.language.chains import Chain, chains
from stanch.language.record import record
from stanch.language.scope import (
    ALERT,
    INCIDENT,
    OWN_WORDS,
    ROOTS,
    ROUNDS,
    RUN,
    STEP_STATE,
    Scope,
    StepNames,
    many_type,
)
from stanch.language.types import DYN, Signature

Status: TypeAlias = Literal[
    "fine",
    "unknown",  # no such input, field or step
    "bare",  # the root alone, where one of its names is needed
    "not_here",  # the root exists, but not in this place
    "later",  # a step that has not ended here
    "itself",  # the step's own output, which does not exist yet
    "undeclared",  # the step has no such output
    "round",  # a step inside of a loop, read from outside of it
    "made",  # an output that each round of a loop makes, read behind the loop
    "many",  # a field of `result`, which is a list here
]


@record
class Reference:
    chain: Chain
    status: Status
    name: str
    """What is declared to the type checker: `steps.current.bad`."""
    type: Signature
    known: tuple[str, ...] = ()
    """The names that would have been right."""
    target: StepNames | None = None

    @property
    def root(self) -> str:
        return self.chain.parts[0]

    def end_of(self, parts: int) -> int:
        """Offset behind the first `parts` names of the chain."""
        return self.chain.ends[min(parts, len(self.chain.ends)) - 1]


def references(cel: str, scope: Scope) -> tuple[Reference, ...]:
    """Every use of a built-in root or of a loop's name in the expression, in order."""
    found = []
    for chain in chains(cel):
        if not chain.parts:
            continue
        root = chain.parts[0]
        if root in scope.loops:
            found.append(Reference(chain, "fine", root, scope.loops[root]))
        elif root in ROOTS:
            found.append(_RESOLVE[root](chain, scope))
    return tuple(found)


def _inputs(chain: Chain, scope: Scope) -> Reference:
    if scope.alert:
        return _bad(chain, "not_here", 1)
    if len(chain.parts) < 2:
        return _bad(chain, "bare", 1, tuple(scope.inputs))
    name = chain.parts[1]
    if name not in scope.inputs:
        return _bad(chain, "unknown", 2, tuple(scope.inputs))
    return _fine(chain, 2, scope.inputs[name])


def _run(chain: Chain, scope: Scope) -> Reference:
    if scope.alert:
        return _bad(chain, "not_here", 1)
    if len(chain.parts) < 2:
        return _bad(chain, "bare", 1, tuple(RUN))
    name = chain.parts[1]
    if name not in RUN:
        return _bad(chain, "unknown", 2, tuple(RUN))
    if name == "incident" and len(chain.parts) > 2:
        return _inner(chain, INCIDENT)
    return _fine(chain, 2, RUN[name])


def _alert(chain: Chain, scope: Scope) -> Reference:
    if not scope.alert:
        return _bad(chain, "not_here", 1)
    if len(chain.parts) < 2:
        return _bad(chain, "bare", 1, tuple(ALERT))
    name = chain.parts[1]
    if name not in ALERT:
        return _bad(chain, "unknown", 2, tuple(ALERT))
    return _fine(chain, 2, ALERT[name])


def _result(chain: Chain, scope: Scope) -> Reference:
    result = scope.result
    if result is None:
        return _bad(chain, "not_here", 1)
    if result.fields is None:
        return Reference(chain, "fine", "result", DYN)
    if len(chain.parts) < 2:
        return Reference(chain, "fine", "result", many_type(result))
    name = chain.parts[1]
    if result.many:
        return _bad(chain, "many" if name in result.fields else "unknown", 2, tuple(result.fields))
    if name not in result.fields:
        return _bad(chain, "unknown", 2, tuple(result.fields))
    if name == "outputs" and result.outputs is not None and len(chain.parts) > 2:
        return _inner(chain, result.outputs)
    return _fine(chain, 2, result.fields[name])


def _inner(chain: Chain, known: Mapping[str, Signature]) -> Reference:
    """The third name of a chain whose first two are a mapping with these."""
    if chain.parts[2] not in known:
        return _bad(chain, "unknown", 3, tuple(known))
    return _fine(chain, 3, known[chain.parts[2]])


def _steps(chain: Chain, scope: Scope) -> Reference:
    if scope.alert:
        return _bad(chain, "not_here", 1)
    if len(chain.parts) < 2:
        return _bad(chain, "bare", 1, tuple(scope.ended))
    step = chain.parts[1]
    if scope.step is not None and step == scope.step.id:
        return _own(chain, scope)
    names = scope.ended.get(step)
    if names is None:
        return _bad(chain, "later", min(3, len(chain.parts)), tuple(scope.ended))
    if len(chain.parts) < 3:
        return _bad(chain, "bare", 2, (*names.outputs, *STEP_STATE), names)
    if names.rounds != scope.rounds[: len(names.rounds)]:
        return _bad(chain, "round", 3, target=names)
    return _output(chain, names)


def _own(chain: Chain, scope: Scope) -> Reference:
    if len(chain.parts) < 3:
        return _bad(chain, "bare", 2, tuple(scope.own or ()))
    if scope.own is None:
        return _bad(chain, "itself", 3)
    name = chain.parts[2]
    if name in scope.own:
        return _fine(chain, 3, scope.own[name])
    if name in scope.made:
        return _bad(chain, "made", 3)
    if scope.step is not None and not scope.step.lost.isdisjoint(OWN_WORDS):
        return _fine(chain, 3, DYN)
    if name in STEP_STATE or (name in ROUNDS and scope.step is not None and scope.step.loop is not None):
        return _bad(chain, "itself", 3)
    return _bad(chain, "undeclared", 3, tuple(scope.own))


def _output(chain: Chain, names: StepNames) -> Reference:
    name = chain.parts[2]
    if (kind := STEP_STATE.get(name) or names.outputs.get(name)) is not None:
        return _fine(chain, 3, kind, names)
    if name in names.made:
        return _bad(chain, "made", 3, target=names)
    if names.open:
        return _fine(chain, 3, DYN, names)
    return _bad(chain, "undeclared", 3, tuple(names.outputs), names)


def _fine(chain: Chain, parts: int, kind: Signature, target: StepNames | None = None) -> Reference:
    return Reference(chain, "fine", ".".join(chain.parts[:parts]), kind, target=target)


def _bad(
    chain: Chain, status: Status, parts: int, known: tuple[str, ...] = (), target: StepNames | None = None
) -> Reference:
    """A wrong name; it is declared as anything, so that the type checker does not complain again."""
    return Reference(chain, status, ".".join(chain.parts[:parts]), DYN, known, target)


_RESOLVE = {"inputs": _inputs, "run": _run, "alert": _alert, "result": _result, "steps": _steps}
