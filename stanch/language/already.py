"""A change that is in place already is not carried out: `result` is then what its `done` was answered."""

from __future__ import annotations

from stanch.language.chains import chains
from stanch.language.document import StepDoc
from stanch.language.scope import ResultType, result_of
from stanch.language.types import DYN

NONE: frozenset[str] = frozenset()


def of_the_action_alone(step: StepDoc, own: ResultType | None) -> frozenset[str]:
    """The step's outputs that cannot be given where `done` held before; `own` is the action's result.

    Where both are the same action their answers look the same, and nobody can tell which fields are there.
    """
    if step.done is None or step.call is None or step.done.call is None or not step.outputs:
        return NONE
    asked = result_of(step.done.call)
    if asked is None or asked.fields is None or own is None or own.fields is None:
        return NONE
    if step.done.call.action == step.call.action and asked.many is own.many:
        return NONE
    return frozenset(
        output.name.text for output in step.outputs if not _is_in_both(output.value.cel, own, asked)
    )


def _is_in_both(cel: str, own: ResultType, asked: ResultType) -> bool:
    """Whether all that an expression reads of `result` is in both, and of one type."""
    for chain in chains(cel):
        if chain.parts[:1] != ("result",):
            continue
        if len(chain.parts) < 2 or own.many or asked.many:
            return False
        kind = (own.fields or {}).get(chain.parts[1], DYN)
        if kind == DYN or (asked.fields or {}).get(chain.parts[1]) != kind:
            return False
    return True
