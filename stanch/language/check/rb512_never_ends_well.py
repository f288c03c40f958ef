"""RB512: a wait that can never end well."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import PollDoc, StepDoc
from stanch.language.duration import format_duration


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        for poll in _polls(step):
            if poll.within is None:
                continue
            within = format_duration(poll.within)
            if poll.stable is not None and poll.stable >= poll.within > 0:
                stable = format_duration(poll.stable)
                message = f"it must hold for {stable}, and only {within} are given for that"
                yield context.diagnostic("RB512", poll.key, message, "make `within` longer than `stable`")
            elif poll.every is not None and poll.every > poll.within > 0:
                every = format_duration(poll.every)
                message = f"the second look comes after {every}, and the wait ends after {within}"
                yield context.diagnostic("RB512", poll.key, message, "make `every` shorter than `within`")


def _polls(step: StepDoc) -> Iterator[PollDoc]:
    checks = (each.poll for _, each in step.checks)
    yield from (poll for poll in (step.poll, *checks) if poll is not None)
