"""RB522: a time that nobody can have meant."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import PollDoc, RevertDoc, StepDoc
from stanch.language.duration import format_duration, parse_duration
from stanch.language.source import Span
from stanch.language.tree import Scalar

_TIMED = ("wait", "timeout", "within", "until", "done", "verify", "revert", "approval", "ask")
"""Words of a step in which a time may stand."""


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.saying(*_TIMED):
        for span, message in _zeros(step):
            yield context.diagnostic("RB522", span, message)
        if step.revert is not None:
            yield from _backwards(context, step.revert)
        if (
            step.timeout
            and step.kind == "block"
            and (least := _least(step.steps, step.parallel)) >= step.timeout
        ):
            message = (
                f"step `{step.id}` may take {format_duration(step.timeout)}, "
                f"and what is in it waits for {format_duration(least)}"
            )
            hint = "make `timeout` longer than all that is waited for"
            yield context.diagnostic("RB522", step.key("timeout"), message, hint)


def _zeros(step: StepDoc) -> Iterator[tuple[Span, str]]:
    """Times of nothing."""
    if step.wait is not None and _seconds(step.wait) == 0:
        yield step.wait.span, "`wait` waits for nothing"
    if step.timeout == 0:
        yield step.key("timeout"), "nothing can be done in no time: `timeout` is 0"
    if step.poll is None and step.within == 0:
        yield step.key("within"), "nobody can do it in no time: `within` is 0"
    for poll in step.polls:
        yield from _zero_polls(poll)
    if step.revert is not None:
        for time in step.revert.times:
            if _seconds(time) == 0:
                yield time.span, "what is borrowed for no time is not borrowed: this is 0"
    for asking, word in ((step.approval, "approval"), (step.ask, "ask")):
        if asking is not None and asking.silence is not None and asking.silence.after == 0:
            yield step.key(word), "nobody can answer in no time: `silence.after` is 0"


def _zero_polls(poll: PollDoc) -> Iterator[tuple[Span, str]]:
    if poll.within == 0:
        yield poll.key, "nothing can come true in no time: `within` is 0"
    if poll.every == 0:
        yield poll.key, "the read would be repeated without a pause: `every` is 0"


def _backwards(context: Context, revert: RevertDoc) -> Iterator[Diagnostic]:
    if revert.not_before is None or revert.at_most is None:
        return
    first, last = _seconds(revert.not_before), _seconds(revert.at_most)
    if first is not None and last is not None and first >= last > 0:
        related = (Related(revert.not_before.span, "not before this"),)
        message = f"it comes back after {format_duration(last)} at most, which is not behind `not_before`"
        yield context.diagnostic("RB522", revert.at_most.span, message, None, related)


def _least(steps: tuple[StepDoc, ...], parallel: bool) -> float:
    """Seconds that the steps wait in any case."""
    waits = [
        _least(step.steps, step.parallel) + ((step.wait and _seconds(step.wait)) or 0.0)
        for step in steps
        if step.when is None
    ]
    return max(waits, default=0.0) if parallel else sum(waits)


def _seconds(scalar: Scalar) -> float | None:
    """None for a time that only a run knows."""
    try:
        return parse_duration(scalar.text)
    except ValueError:
        return None
