"""RB508: a check that changes something, or that nobody but a person could make."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import CallDoc
from stanch.language.effect import call_effect, tells


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.by_word.get("until", ()):
        if step.poll is not None and step.effect == "change" and not (step.call and step.call.by_hand):
            message = f"`until` would repeat the change of step `{step.id}`"
            hint = "wait for it in `done:`, with a read"
            yield context.diagnostic("RB508", step.poll.key, message, hint)
        elif step.poll is not None and tells(step.call):
            message = f"`until` would tell people again and again what step `{step.id}` says"
            yield context.diagnostic("RB508", step.poll.key, message, "wait in another step, with a read")
    for _, word, each in context.checks:
        call = each.call
        if call is None:
            continue
        if call.by_hand:
            message = f"`{word}` is asked again and again, and a person would have to answer each time"
            said = "leave `done` away: the person says when it is done"
            yield context.diagnostic("RB508", call.name, message, said if word == "done" else None)
        elif tells(call):
            message = f"`{word}` is asked again and again, and `{call.action}` tells people each time"
            yield context.diagnostic("RB508", call.name, message, "use a read")
        elif not each.says_read and _changes(call):
            message = f"`{word}` only reads, and this `{call.action}` may change something"
            hint = "use a read, or say `effect: read` if it is one"
            yield context.diagnostic("RB508", call.name, message, hint)


def _changes(call: CallDoc) -> bool:
    """An action whose effect is declared is taken for a read in a check; a POST has to say so."""
    if call.spec is None or call.spec.effect == "declared":
        return False
    return call_effect(call, None) != "read"
