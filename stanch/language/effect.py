"""Whether a call or a step changes anything."""

from __future__ import annotations

from stanch.language.document import CallDoc, StepKind
from stanch.language.plan import Effect
from stanch.language.tree import Scalar


def step_effect(
    kind: StepKind, call: CallDoc | None, said: Effect | None, lost: frozenset[str]
) -> Effect | None:
    """The effect of a step's own action; None when that cannot be known."""
    if kind != "action":
        return "read"
    return None if "effect" in lost else call_effect(call, said)


def call_effect(call: CallDoc | None, said: Effect | None) -> Effect | None:
    """The effect of a call by its action's rule; None when the author has to say and did not."""
    spec = None if call is None else call.spec
    if call is None or spec is None or spec.effect == "declared":
        return said
    if spec.effect == "read":
        return "read"
    if spec.effect == "optional":
        return said or "read"
    method = call.param("method")
    if method is None or (isinstance(method, Scalar) and method.text.upper() in ("GET", "HEAD")):
        return said or "read"
    return said
