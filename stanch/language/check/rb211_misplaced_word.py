"""RB211: a word that has no meaning where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc, step_effect

_CHANGING = ("done", "undo", "irreversible", "idempotent", "unattended")
_OF_ACTIONS = (
    "effect",
    "script",
    "until",
    "every",
    "within",
    "stable",
    "done",
    "irreversible",
    "idempotent",
    "retry",
)
_WAITING = ("every", "within", "stable")


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps():
        if step.kind in ("block", "wait") or (step.kind == "compute" and not step.lost):
            yield from _without_action(context, step)
        elif step.kind == "action" and step_effect(step) == "read":
            yield from _words(context, step, _CHANGING, "belongs to a change, and this step only reads")
        if step.poll is None and "until" not in step.lost and step.kind == "action":
            yield from _words(context, step, _WAITING, "needs an `until` beside it")
        if step.undo is not None and step.irreversible is not None:
            message = "`irreversible` stands beside an `undo`"
            hint = "keep the one that is true"
            yield context.diagnostic("RB211", step.key("irreversible"), message, hint)
        if step.done is not None and step.done.step is not None:
            message = "`step` belongs to `verify`; `done` has a read of its own"
            yield context.diagnostic("RB211", step.done.step.span, message)
        if step.approval is not None and step.unattended is not None:
            message = "`unattended` stands beside an `approval`"
            hint = "keep the one that is meant"
            yield context.diagnostic("RB211", step.key("unattended"), message, hint)


def _without_action(context: Context, step: StepDoc) -> Iterator[Diagnostic]:
    """`undo` on a block is part of the language, and of a later release."""
    for word in _OF_ACTIONS:
        if step.node.entry(word) is not None:
            message = f"`{word}` belongs to a step with an action, and `{step.id}` has none"
            yield context.diagnostic("RB211", step.key(word), message)
    if step.node.entry("undo") is not None:
        message = "`undo` on a block is not supported by this release"
        code = "RB206" if step.kind == "block" else "RB211"
        text = (
            message
            if step.kind == "block"
            else f"`undo` belongs to a change, and `{step.id}` changes nothing"
        )
        yield context.diagnostic(code, step.key("undo"), text)


def _words(context: Context, step: StepDoc, words: tuple[str, ...], why: str) -> Iterator[Diagnostic]:
    for word in words:
        if step.node.entry(word) is not None:
            yield context.diagnostic("RB211", step.key(word), f"`{word}` {why}")
