"""RB508: a check that changes something."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import CheckDoc, call_effect, step_effect


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps():
        if step.poll is not None and step_effect(step) == "change":
            message = f"`until` would repeat the change of step `{step.id}`"
            hint = "wait for it in `done:`, with a read"
            yield context.diagnostic("RB508", step.poll.key, message, hint)
        for word, each in (("done", step.done), ("verify", step.verify)):
            if each is not None and each.call is not None and _changes(each):
                message = f"`{word}` only reads, and this `{each.call.action}` may change something"
                hint = "use a read, or say `effect: read` if it is one"
                yield context.diagnostic("RB508", each.call.name, message, hint)


def _changes(each: CheckDoc) -> bool:
    """An action whose effect is declared is taken for a read in a check; a POST has to say so."""
    call = each.call
    if call is None or call.spec is None or call.spec.effect == "declared" or each.says_read:
        return False
    return call_effect(call, None) != "read"
