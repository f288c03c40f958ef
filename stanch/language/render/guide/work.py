"""The work of a step with an action: look whether it is done already, do it, look again."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.batches import may_fail
from stanch.language.duration import format_duration
from stanch.language.plan import MANUAL, Json, Poll, Step
from stanch.language.render.guide.commands import commands, found_before
from stanch.language.render.guide.markdown import code
from stanch.language.render.guide.place import MOST_ROUNDS, Place, batches
from stanch.language.render.guide.values import Late, spelled
from stanch.language.render.guide.words import Reader
from stanch.language.render.phrases import batches_words, may_fail_words


def work(step: Step, place: Place, label: str = "") -> Iterator[str]:
    """Once, where it stands; `label` is Markdown that says for whom."""
    assert step.call is not None
    if step.done is None:
        if label:
            yield f"{label}:"
        if shown := list(found_before(step.call, place.values)) if step.effect == "change" else []:
            yield "Look first, and write down what it shows: the way back is to set that again."
            yield from shown
            yield "Then, unless it is in place already:"
        yield from _do(step, place)
        return
    if not label:
        yield _before(step, place.reader)
    yield f"{label + ', ' if label else ''}**a. Look:**"
    yield from commands(step.done.call, place.values, place.facts.prometheus, step.timeout)
    yield f"{label + ', ' if label else ''}**b. Do it:**"
    yield from _do(step, place)
    if not label:
        yield _after(step)


def rounds_of(step: Step, place: Place) -> Iterator[str]:
    """Once for each item: written out where the items are known and few."""
    loop = step.for_each
    assert loop is not None
    items = place.values.render(loop.items)
    anybody = place.bound(loop.name, Late(loop.name))
    if not isinstance(items, list) or len(items) > MOST_ROUNDS:
        among = (
            ", ".join(code(spelled(item)) for item in items)
            if isinstance(items, list)
            else code(spelled(items))
        )
        yield f"**For each {code(f'<{loop.name}>')}** of {among}, {batches_words(loop)}{_pace(step)}:"
        yield from work(step, anybody)
        return
    if not items:
        yield "There is nothing to do it for."
        return
    if step.done:
        yield f"{_before(step, anybody.reader)} {_after(step)}"
    cut = batches(loop, items)
    for at, batch in enumerate(cut, 1):
        if len(cut) > 1:
            yield f"*Batch {at} of {len(cut)}: {', '.join(code(spelled(item)) for item in batch)}*"
        for item in batch:
            yield from work(step, place.bound(loop.name, item), f"**{code(spelled(item))}**")
        if at < len(cut):
            yield from _before_next(step, place)
    if few := may_fail(loop, len(items)):
        yield f"Stop as soon as more than {few} of them failed."
    elif len(items) > 1 and step.effect == "change":
        yield "Stop as soon as one of them fails."


def _before_next(step: Step, place: Place) -> Iterator[str]:
    """Between two batches."""
    assert step.for_each is not None
    if step.verify and step.verify.each_batch:
        told = until(step.verify.poll, place.reader)
        yield f"**Did it help so far?** Look as it says below, {told}. If it did not, stop."
    if step.for_each.pause:
        yield f"Wait {format_duration(step.for_each.pause)}."


def _pace(step: Step) -> str:
    loop = step.for_each
    assert loop is not None
    told = ", with the look below behind each batch" if step.verify and step.verify.each_batch else ""
    told += f", {format_duration(loop.pause)} apart" if loop.pause else ""
    few = may_fail_words(loop) or "0"
    return told + (f", stopping when more than {few} failed" if step.effect == "change" else "")


def _do(step: Step, place: Place) -> Iterator[str]:
    assert step.call is not None
    yield from commands(step.call, place.values, place.facts.prometheus, step.timeout)
    if step.call.action == MANUAL:
        yield f"There is {format_duration(step.timeout)} for it."


def _before(step: Step, reader: Reader) -> str:
    assert step.done is not None
    condition = reader.condition(step.done.poll.until)
    return f"Look first (a). It is in place already when {condition}; then leave b out."


def _after(step: Step) -> str:
    assert step.done is not None
    return f"**It worked** when that is so after b: repeat a {_timing(step.done.poll)}."


def helped(step: Step, place: Place) -> Iterator[str]:
    """`verify`: did it help?"""
    if step.verify is None:
        return
    each = f", for each {code(f'<{step.for_each.name}>')}" if step.for_each and step.verify.each_round else ""
    each = ", behind each batch" if step.verify.each_batch else each
    yield f"**Did it help?** Look{each}:"
    yield from commands(step.verify.call, place.values, place.facts.prometheus, 0)
    yield f"Repeat it {until(step.verify.poll, place.reader)}. If it is not so by then, it did not help."
    if step.verify.poll.worse:
        yield f"If {place.reader.condition(step.verify.poll.worse)}, it got worse: stop, and take it back."


def until(poll: Poll, reader: Reader) -> str:
    """`every 2s, for at most 2m, until the HTTP status is 200`"""
    return f"{_timing(poll)}, until {reader.condition(poll.until)}{_stays(poll)}"


def _timing(poll: Poll) -> str:
    told = f"every {format_duration(poll.every)}"
    return told + (f", for at most {format_duration(poll.within)}" if poll.within else "")


def _stays(poll: Poll) -> str:
    return f", and stays so for {format_duration(poll.stable)}" if poll.stable else ""


def items_of(step: Step, place: Place) -> list[Json] | None:
    """The items of the step's loop, where they are known and few; None else, and without a loop."""
    if step.for_each is None:
        return None
    items = place.values.render(step.for_each.items)
    return items if isinstance(items, list) and len(items) <= MOST_ROUNDS else None
