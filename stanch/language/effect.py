"""Whether a call or a step changes anything."""

from __future__ import annotations

from stanch.language.catalogue import EffectByParam
from stanch.language.document import CallDoc, StepKind
from stanch.language.plan import Effect
from stanch.language.template import OPEN
from stanch.language.tree import Node, Scalar, Sequence


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
    if call is None or spec is None:
        return said
    match spec.effect:
        case EffectByParam() as rule:
            found = rule_effect(rule, call)
            # What surely changes something is no read because somebody says so.
            return found if found == "change" else said or found
        case "declared":
            return said
        case "read":
            return "read"
        case "optional":
            return said or "read"


def tells(call: CallDoc | None) -> bool:
    """Whether it only tells people something: they are not to hear it again and again."""
    return call is not None and call.spec is not None and call.spec.tells


def rule_effect(rule: EffectByParam, call: CallDoc) -> Effect | None:
    """What the parameters tell; None when the author has to say."""
    value = next((held for name in rule.params if (held := call.param(name)) is not None), None)
    return rule.missing if value is None else rule.of(_words(value))


def _words(value: Node) -> str:
    """The words that stand in a parameter, up to the first that is filled in later."""
    nodes = value.items if isinstance(value, Sequence) else (value,)
    words = []
    for node in nodes:
        if not isinstance(node, Scalar) or OPEN in node.text:
            break
        words.append(node.text)
    return " ".join(words)
