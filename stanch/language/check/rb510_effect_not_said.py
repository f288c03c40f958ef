"""RB510: an action that must say whether it changes anything."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.catalogue import EffectByParam
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.kind != "action" or step.call is None or step.call.spec is None or "effect" in step.lost:
            continue
        if step.effect is None:
            rule = step.call.spec.effect
            what = f"this `{rule.params[0]}`" if isinstance(rule, EffectByParam) else f"`{step.call.action}`"
            message = f"step `{step.id}` does not say whether {what} changes anything"
            yield context.diagnostic(
                "RB510", step.call.name, message, "add `effect: read` or `effect: change`"
            )
