"""Parts of a Plan in a few words, the same ones wherever a person reads them.

`fill` turns a text of the Plan, with its `${{ }}`, into what the reader is to see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from stanch.language.duration import format_duration
from stanch.language.plan import ForEach, Poll, Revert, Silence, Step

Fill: TypeAlias = Callable[[str], str]

ONE_BY_ONE: tuple[int | str, ...] = (1,)


def revert_words(revert: Revert, fill: Fill, condition: str = "") -> str:
    """When a borrowed change comes back: `after 72h, when incident_commander agrees`. `condition` is what the
    read of a `when` waits for, as the reader is to see it."""
    match revert.at:
        case "end_of_block":
            when = "at the end of the block around it"
        case "end_of_run":
            when = "at the end of the run"
        case "after":
            when = f"after {fill(revert.after or '')}"
        case "when":
            when = "when " + (condition or (fill(revert.when.poll.until) if revert.when else "it is time"))
        case "ask":
            return f"when {' or '.join(revert.roles)} says so"
    if revert.not_before:
        when += f", not before {fill(revert.not_before)}"
    if revert.at_most:
        when += f", after {fill(revert.at_most)} in any case"
    return f"{when}, if {' or '.join(revert.roles)} agrees" if revert.roles else when


def who_agrees(roles: Sequence[str], quorum: int, of_roles: int) -> str:
    """`a`, `a or b`, `a and b, each of them`, `2 of a, b, c (different people)`, `a, 2 different people`."""
    if len(roles) > 1 and of_roles == len(roles):
        who = " and ".join(roles) + ", each of them"
    elif of_roles > 1:
        who = f"{of_roles} of {', '.join(roles)} (different people)"
    else:
        who = " or ".join(roles)
    return f"{who}, {quorum} different people" if quorum > max(of_roles, 1) else who


def silence_words(silence: Silence) -> str:
    """`aborts after 20m without an answer`."""
    ends = "is denied" if silence.then == "deny" else "aborts"
    return f"{ends} after {format_duration(silence.after)} without an answer"


def poll_timing(poll: Poll) -> str:
    """`every 2s, within 2m, stable for 5s`; a `revert` has no `within` of its own."""
    text = f"every {format_duration(poll.every)}"
    if poll.within:
        text += f", within {format_duration(poll.within)}"
    return text + (f", stable for {format_duration(poll.stable)}" if poll.stable else "")


def batches_words(loop: ForEach) -> str:
    """`one by one`, `in batches of 1, 50%, 100%`, `all at once`."""
    if not loop.batches:
        return "all at once"
    if loop.batches == ONE_BY_ONE:
        return "one by one"
    return f"in batches of {', '.join(map(str, loop.batches))}"


def kind_of(step: Step) -> str:
    """What a step is, in a word."""
    if step.effect == "change":
        return "change by hand" if step.call and step.call.action == "manual" else "change"
    if step.call:
        return "by hand" if step.call.action == "manual" else "read"
    if step.ask:
        return "question"
    if step.child:
        return "runbook"
    if step.steps:
        return "at once" if step.parallel else "block"
    return "wait" if step.wait else "compute"
