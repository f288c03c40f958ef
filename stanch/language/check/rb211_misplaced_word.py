"""RB211: a word that has no meaning where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.rb506_nothing_to_approve import change_words
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import ApprovalDoc, StepDoc

_CHANGING = frozenset({"done", "undo", "irreversible", "idempotent", "unattended"})
_OF_ACTIONS = frozenset(
    {
        *("effect", "script", "until", "every", "within", "stable", "done", "irreversible", "idempotent"),
        *("retry", "keep", "maxItems"),
    }
)
_OF_MACHINES = frozenset({"script", "until", "every", "stable", "retry", "keep", "zone"})
_WAITING = frozenset({"every", "within", "stable"})
_GROUPS = ("block", "child")
_SOMETIMES = _CHANGING | _OF_ACTIONS | {"undo", "timeout", "inputs", "parallel", "zone"}
"""Words that not every step may have."""


def check(context: Context) -> Iterator[Diagnostic]:
    if context.private and context.document.triggers:
        message = "`triggers` belongs to the first runbook of a file; this one runs only when it is called"
        span = context.document.key("triggers")
        yield context.diagnostic("RB211", span, message, "move it into a file of its own")
    for word in _SOMETIMES & context.by_word.keys():
        for step in context.by_word[word]:
            if _is_understood(step) and (found := _misplaced(step, word)) is not None:
                message, hint = found
                yield context.diagnostic("RB211", step.key(word), message, hint)
    for step in context.saying("undo", "done", "approval", "revert", "for_each"):
        if _is_understood(step):
            yield from _beside(context, step)


def _is_understood(step: StepDoc) -> bool:
    return step.kind != "broken" and not (step.kind == "compute" and step.lost)


def _misplaced(step: StepDoc, word: str) -> tuple[str, str | None] | None:
    """Why `word` cannot stand in the step, with a hint; None when it can."""
    if word in _OF_ACTIONS and step.kind != "action":
        hint = "a question waits as long as `silence` says" if step.kind == "ask" else None
        return f"`{word}` belongs to a step with an action, and `{step.id}` has none", hint
    if word == "undo" and step.kind not in ("action", *_GROUPS):
        return f"`undo` belongs to a change, and `{step.id}` changes nothing", None
    if word == "timeout" and step.kind not in ("action", *_GROUPS):
        hint = "write `silence: {after: 20m, then: abort}` in `ask`" if step.kind == "ask" else None
        return f"`timeout` belongs to an action, a block or a child, and `{step.id}` is none", hint
    if word == "zone" and step.kind not in ("action", "block"):
        hint = "the steps of a runbook say it themselves" if step.kind == "child" else None
        return f"`zone` belongs to an action or a block, and `{step.id}` is none", hint
    if word == "inputs" and step.kind != "child":
        return "`inputs` belongs to a step with `runbook`, and this one has none", None
    if word == "parallel" and step.kind != "block" and step.loop is None and "for_each" not in step.lost:
        return "`parallel` belongs to a block or a loop; there is nothing to do at once here", None
    return _misplaced_in_action(step, word) if step.kind == "action" else None


def _misplaced_in_action(step: StepDoc, word: str) -> tuple[str, str | None] | None:
    call = step.call
    by_hand = call is not None and call.by_hand
    if word in _CHANGING and step.effect == "read" and not (by_hand and word == "done"):
        if change_words(step):
            return None  # then it is the effect that is wrong
        return f"`{word}` belongs to a change, and this step only reads", None
    if by_hand and word in _OF_MACHINES:
        hint = "what shows that it is done stands in `done`" if word == "until" else None
        return f"`{word}` belongs to what a machine does, and this is done by hand", hint
    if (
        word in _WAITING
        and call is not None
        and not by_hand
        and step.poll is None
        and "until" not in step.lost
    ):
        return f"`{word}` needs an `until` beside it", None
    if word == "maxItems" and call is not None and call.spec is not None and call.spec.targets is None:
        return f"`maxItems` bounds the targets of an action, and `{call.action}` has no list of them", None
    return None


def _beside(context: Context, step: StepDoc) -> Iterator[Diagnostic]:
    """Words that contradict one another."""
    if step.undo is not None and step.irreversible is not None:
        message = "`irreversible` stands beside an `undo`"
        hint = "keep the one that is true"
        yield context.diagnostic("RB211", step.key("irreversible"), message, hint)
    if step.done is not None and step.done.step is not None:
        message = "`step` belongs to `verify`; `done` has a read of its own"
        yield context.diagnostic("RB211", step.done.step.span, message)
    if step.verify is not None and step.verify.after is not None and step.loop is None:
        message = "`after` says when a loop is looked at, and this step has none"
        yield context.diagnostic("RB211", step.verify.after.span, message, "take it out")
    if step.approval is not None:
        if step.unattended is not None:
            message = "`unattended` stands beside an `approval`"
            hint = "keep the one that is meant"
            yield context.diagnostic("RB211", step.key("unattended"), message, hint)
        yield from _too_few(context, step.approval)
    if step.revert is not None and step.revert.when is not None:
        poll = step.revert.when.poll
        if poll is not None and poll.within is not None:
            hint = "write `at_most` beside `when`"
            message = "`within` has no meaning here: a change that is borrowed waits for its end"
            yield context.diagnostic("RB211", poll.key, message, hint)
    if step.loop is not None and (step.loop.parallel or (step.parallel and step.kind != "block")):
        word = "batches" if step.loop.batches else "pause" if step.loop.pause else None
        if word is not None:
            message = f"`{word}` stands beside `parallel`, which has all rounds at once"
            yield context.diagnostic("RB211", step.loop.key, message, "keep the one that is meant")


def _too_few(context: Context, approval: ApprovalDoc) -> Iterator[Diagnostic]:
    """Each role needs a person of its own, so fewer people than roles cannot agree for all of them."""
    if approval.quorum is None or not approval.people < approval.of_roles <= len(approval.roles):
        return
    message = (
        f"`quorum: {approval.people}` stands beside {approval.of_roles} roles that must agree, "
        "each by a different person"
    )
    hint = "write `any: 1` if one of the roles is enough"
    yield context.diagnostic("RB211", approval.quorum.span, message, hint)
