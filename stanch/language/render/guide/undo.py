"""Ways back: beside their step, and all of them again at the end, the newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stanch.language.plan import Check, Step
from stanch.language.render.guide.commands import brought_back, commands
from stanch.language.render.guide.markdown import bullets, code, heading, prose
from stanch.language.render.guide.place import Back, Place
from stanch.language.render.guide.values import Late, spelled
from stanch.language.render.guide.work import items_of, until
from stanch.language.render.phrases import revert_words


def way_back(step: Step, place: Place) -> Iterator[str]:
    """How the step is taken back, and when what it borrowed comes back."""
    changes = step.effect == "change" or step.undo is not None
    if not changes:
        return
    if place.covered_by and step.call and not step.irreversible:
        yield f"Way back: that of step {place.covered_by} as a whole."
    elif step.undo or _is_known(step):
        yield "**Way back**, only if it has to be taken back:"
        yield from _commands(step, place)
    elif not step.irreversible:
        yield "Nobody wrote down a way back."
    if step.revert and (line := _comes_back(step, place)):
        told = f"**This is borrowed.** Put it back, by the way back, {line}."
        if step.revert.when is None:
            yield told
            return
        reader = _anybody(step, place).reader
        yield f"{told} To know that, look {until(step.revert.when.poll, reader)}:"
        yield from _look(step, step.revert.when, place)


def remember_way_back(step: Step, place: Place, before: int) -> None:
    """For the end of the guide. A block's own way back stands for its first change, so at the place `before`
    those inside of it."""
    number = place.numbers[step.id]
    title = prose(place.values.text(step.title)) or code(step.id)
    if step.irreversible:
        barrier = prose(place.values.text(step.irreversible))
        place.gathered.backs.insert(before, Back(number, title, barrier=barrier))
    elif (step.undo or _is_known(step)) and not (place.covered_by and step.call):
        place.gathered.backs.insert(before, Back(number, title, tuple(_commands(step, place))))
    if step.revert and step.revert.at == "end_of_run":
        place.home.append(borrowed_line(step, number, place))
    elif step.revert and step.revert.at != "end_of_block":
        line = f"step {number} ({title}): {_comes_back(step, place)}"
        line += "; look as it says there" if step.revert.when is not None else ""
        place.gathered.borrowed.append(line)


def borrowed_line(step: Step, number: str, place: Place) -> str:
    return f"step {number} ({prose(place.values.text(step.title)) or code(step.id)}), by its way back"


def lent(steps: Sequence[Step], place: Place) -> list[str]:
    """What the steps of a block have borrowed until its end, a line each."""
    return [
        borrowed_line(step, place.numbers[step.id], place)
        for step in steps
        if step.revert and step.revert.at == "end_of_block"
    ]


def ways_back(backs: Sequence[Back]) -> Iterator[str]:
    """All of them, the newest first, up to each barrier."""
    for back in reversed(backs):
        if back.barrier:
            yield f"**BARRIER: step {back.number} ({back.title}) cannot be taken back.** {back.barrier}"
            yield "What came before it stays, unless the incident commander says otherwise."
        else:
            yield heading(3, f"Take back {back.number}. {back.title}")
            yield from back.paragraphs


def _is_known(step: Step) -> bool:
    """Whether the step's action would go back by itself."""
    known = step.call is not None and step.call.knows and step.effect == "change"
    return known and not step.irreversible


def _commands(step: Step, place: Place) -> Iterator[str]:
    """The commands of the way back; of a loop, for each item, the newest first."""
    for name, inside in _rounds(step, place):
        if name and items_of(step, place) is None:
            yield f"For each {name} for which it was done, the newest first:"
        elif name:
            yield f"**{name}**, if it was done there:"
        yield from _once(step, inside)


def _look(step: Step, when: Check, place: Place) -> Iterator[str]:
    """The commands that show whether it is time; of a loop, for each item where they differ."""
    server = place.facts.prometheus
    looks = [(name, list(commands(when.call, at.values, server, 0))) for name, at in _rounds(step, place)]
    if all(typed == looks[0][1] for _, typed in looks):
        looks = [("", typed) for _, typed in looks[:1]]
    for name, typed in looks:
        if name:
            yield f"For **{name}**:"
        yield from typed


def _rounds(step: Step, place: Place) -> Iterator[tuple[str, Place]]:
    """Each item of the step's loop in Markdown, the newest first, or a name for any where they are not known;
    and where its values are bound. One without a name where there is no loop."""
    if step.for_each is None:
        yield "", place
    elif (items := items_of(step, place)) is None:
        yield code(f"<{step.for_each.name}>"), _anybody(step, place)
    else:
        for item in reversed(items):
            yield code(spelled(item)), place.bound(step.for_each.name, item)


def _anybody(step: Step, place: Place) -> Place:
    """Where the item of the step's loop, if it has one, is any."""
    return place.bound(step.for_each.name, Late(step.for_each.name)) if step.for_each else place


def _once(step: Step, place: Place) -> Iterator[str]:
    if step.undo is not None:
        yield from commands(step.undo, place.values, place.facts.prometheus, 0)
    elif step.call is not None:
        yield from brought_back(step.call, place.values)


def _comes_back(step: Step, place: Place) -> str:
    """When, in Markdown."""
    revert = step.revert
    assert revert is not None
    if revert.when is None:
        return prose(revert_words(revert, place.values.text))
    condition = _anybody(step, place).reader.condition(revert.when.poll.until)
    marked = revert_words(revert, place.values.text, "\ue000")
    return prose(marked).replace("\ue000", condition).replace("when ", "as soon as ", 1)


def borrowed(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield heading(2, "Put back what was borrowed")
        yield bullets(lines)
