"""RB511: an effect that the action cannot have."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        spec = None if step.call is None else step.call.spec
        if spec is not None and spec.effect == "read" and step.said_effect == "change":
            message = f"`{spec.name}` can only read, so step `{step.id}` cannot change anything"
            yield context.diagnostic("RB511", step.key("effect"), message, "leave `effect` away")
        elif step.said_effect == "read" and step.effect == "change" and spec is not None:
            message = f"this `{spec.name}` changes something, so step `{step.id}` is no read"
            yield context.diagnostic("RB511", step.key("effect"), message, "leave `effect` away")
