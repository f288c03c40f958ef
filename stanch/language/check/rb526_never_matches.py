"""RB526: a trigger that can never match."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.conditions import conflict, constant, facts, may_contradict_itself
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import TriggerDoc
from stanch.language.tree import Scalar
from stanch.language.triggers import SOURCES
from stanch.language.words import did_you_mean, listed


def check(context: Context) -> Iterator[Diagnostic]:
    for trigger in context.document.triggers:
        if (found := _problem(trigger)) is not None:
            yield context.diagnostic("RB526", trigger.when.scalar.span, found)
        source = trigger.node.get("source")
        if isinstance(source, Scalar) and source.text not in SOURCES:
            message = f"no alert comes from `{source.text}`"
            hint = did_you_mean(source.text, SOURCES) or f"alerts are taken from {listed(SOURCES)}"
            yield context.diagnostic("RB526", source.span, message, hint)


def _problem(trigger: TriggerDoc) -> str | None:
    when = trigger.when.cel
    if constant(when) is False:
        return "this is never true, so no alert starts the runbook"
    if "&&" in when and may_contradict_itself(when) and (subject := conflict(facts(when))) is not None:
        return f"no alert can be like this: the condition contradicts itself about `{subject}`"
    return None
