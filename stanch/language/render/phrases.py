"""Parts of a Plan in a few words, the same ones wherever a person reads them.

`fill` turns a text of the Plan, with its `${{ }}`, into what the reader is to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from stanch.language.batches import may_fail, sizes
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


def pace_words(step: Step, count: int | None, most: int = 0) -> str:
    """How a loop of changes goes through its items, as whoever approves it reads it: `1 host, then 4, then 9;
    30s pause; stops after the first failure`. Of `count` items; None while nobody knows, and then `most` at
    most, or any number."""
    loop = step.for_each
    assert loop is not None
    if count is None:
        bound = f"at most {counted(most, loop.name)}" if most else f"any number of {plural(loop.name)}"
        return "; ".join([f"{bound}, {batches_words(loop)}", *_between(step, may_fail_words(loop))])
    cut = sizes(loop, count)
    if len(cut) < 2:
        return counted(count, loop.name) + (" at once" if count > 1 else "")
    few = may_fail(loop, count)
    return "; ".join([_cut_words(cut, loop.name), *_between(step, f"{few}" if few else "")])


def _cut_words(cut: Sequence[int], name: str) -> str:
    """`1 host, then 4, then 9`, `14 hosts, one by one`, `2 hosts, then 2 (5 times), then 1`."""
    if set(cut) == {1}:
        return f"{counted(len(cut), name)}, one by one"
    first, *rest = cut
    told = [counted(first, name)]
    for size, alike in groupby(rest):
        times = len(list(alike))
        told.append(f"{size}" if times == 1 else f"{size} ({times} times)")
    return ", then ".join(told)


def _between(step: Step, few: str) -> Iterator[str]:
    """What stands between two batches; `few` is how many may fail, empty when none may."""
    loop = step.for_each
    assert loop is not None
    if step.verify and step.verify.each_round:
        yield f"each {loop.name} verified before the next batch"
    elif step.verify and step.verify.each_batch:
        yield "each batch verified before the next"
    if loop.pause:
        yield f"{format_duration(loop.pause)} pause"
    yield f"stops when more than {few} failed" if few else "stops after the first failure"


def may_fail_words(loop: ForEach) -> str:
    """`2`, `10% of them`; empty when none may."""
    most = loop.max_failures
    if isinstance(most, int):
        return str(most) if most else ""
    return f"{most} of them" if most != "0%" else ""


def counted(count: int, name: str) -> str:
    return f"{count} {name if count == 1 else plural(name)}"


def plural(name: str) -> str:
    """Of what an author calls an item: `hosts`, `replicas`, `boxes`, `entries`."""
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"


TELLING = ("notify", "page", "ticket")
"""Actions that only tell people; their schemas say so."""


def kind_of(step: Step) -> str:
    """What a step is, in a word."""
    if step.effect == "change":
        return "change by hand" if step.call and step.call.action == "manual" else "change"
    if step.call:
        by_hand = "by hand" if step.call.action == "manual" else "read"
        return "tell" if step.call.action in TELLING else by_hand
    if step.ask:
        return "question"
    if step.child:
        return "runbook"
    if step.steps:
        return "at once" if step.parallel else "block"
    return "wait" if step.wait else "compute"
