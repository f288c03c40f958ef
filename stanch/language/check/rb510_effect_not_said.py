"""RB510: an action that must say whether it changes anything."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        if step.kind != "action" or step.call is None or step.call.spec is None or "effect" in step.lost:
            continue
        if step.effect is None:
            what = f"`{step.call.action}`" if step.call.spec.effect == "declared" else "this method"
            message = f"step `{step.id}` does not say whether {what} changes anything"
            yield context.diagnostic(
                "RB510", step.call.name, message, "add `effect: read` or `effect: change`"
            )
