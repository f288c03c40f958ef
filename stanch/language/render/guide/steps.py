"""A step of the guide: what to look at, whom to ask, what to type, how to know, how to go back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from stanch.language.duration import format_duration
from stanch.language.plan import Child, Json, Link, Step
from stanch.language.render.guide.markdown import address, bullets, code, heading, prose, quoted, table
from stanch.language.render.guide.people import COMMANDER, must_agree, named, no_answer
from stanch.language.render.guide.place import MOST_ROUNDS, Place, batches, numbered
from stanch.language.render.guide.undo import lent, remember_way_back, way_back
from stanch.language.render.guide.values import Late, spelled
from stanch.language.render.guide.words import Reader
from stanch.language.render.guide.work import helped, rounds_of, until, work
from stanch.language.render.phrases import batches_words, kind_of, may_fail_words

_KINDS = {
    "change": "**Changes something**",
    "change by hand": "**Changes something, by hand**",
    "read": "Looks only",
    "tell": "Tells people",
    "by hand": "By hand",
    "question": "A question to a person",
    "runbook": "Another runbook, in place",
    "block": "Several steps",
    "at once": "Several steps, in any order",
    "wait": "Wait",
    "compute": "Nothing to type",
}


def steps(which: Sequence[Step], place: Place) -> Iterator[str]:
    for step in which:
        yield from _step(step, place)


def _step(step: Step, place: Place) -> Iterator[str]:
    number = place.numbers[step.id]
    values = place.values
    yield heading(place.level, f"{number}. {prose(values.text(step.title)) or code(step.id)}")
    yield f"{_KINDS[kind_of(step)]} · {code(step.id)}"
    if step.when is not None:
        holds = values.cel(step.when)
        if holds is False:
            yield "**Leave it out**: with the values above it is not needed."
            return
        if isinstance(holds, Late):
            yield f"**Only if** {place.reader.condition(step.when)}. Otherwise leave this step out."
    yield from links(step.links, place)
    for each in step.require:
        if not each.after:
            yield from required(place, each.that, each.message)
    yield from _decision(step, place)
    before = len(place.gathered.backs)
    yield from _inside(step, number, place)
    behind = list(_afterwards(step, place))
    if behind and (step.steps or step.child):
        yield f"**Step {number} as a whole:**"
    yield from behind
    remember_way_back(step, place, before)


def links(which: Sequence[Link], place: Place) -> Iterator[str]:
    if which:
        shown = [(place.values.text(link.title), place.values.text(link.url)) for link in which]
        yield bullets(f"{prose(title)}: {address(url)}" for title, url in shown)


def required(place: Place, that: str, message: str) -> Iterator[str]:
    """What must hold, or one stops."""
    holds = place.values.cel(that)
    said = f"Say: {prose(place.values.text(message))}"
    if holds is False:
        yield f"**Stop here.** {said}"
    elif isinstance(holds, Late):
        yield f"**Go on only if** {place.reader.condition(that)}. Otherwise **stop here**. {said}"


def _decision(step: Step, place: Place) -> Iterator[str]:
    """Who has to agree to what, before anything is changed."""
    if step.unattended:
        yield f"Nobody has to be asked: {prose(place.values.text(step.unattended))}"
    if step.approval:
        yield f"**STOP. Ask first.** {must_agree(step.approval)} to exactly what stands below:"
        yield quoted(_asked_for(step, place))
        if step.approval.confirm:
            yield f"To be sure, they say the words {code(place.values.text(step.approval.confirm))}."
        yield no_answer(step.approval.silence)
    if step.irreversible:
        yield f"**NO WAY BACK from here on:** {prose(place.values.text(step.irreversible))}"


def _asked_for(step: Step, place: Place) -> str:
    """What the yes is to: the title, and where."""
    title = place.values.text(step.title) or step.id
    items = place.values.render(step.for_each.items) if step.for_each else None
    if items is None and step.call:
        items = place.values.render(step.call.params.get("hosts"))
    if items is None:
        return title
    return f"{title}: {', '.join(map(spelled, items)) if isinstance(items, list) else spelled(items)}"


def _inside(step: Step, number: str, place: Place) -> Iterator[str]:
    """The work of the step itself, or the steps in it."""
    if step.wait:
        yield f"Wait **{prose(place.values.text(step.wait))}**."
    if step.ask:
        yield from _question(step, place)
    if step.call:
        yield from rounds_of(step, place) if step.for_each else work(step, place)
    elif step.steps or step.child:
        if step.limit:
            yield f"All of it together has {format_duration(step.limit)}; then it has failed."
        around = _looped(step, place)
        if step.for_each:
            yield _each_of(step, place)
        inner = replace(around, covered_by=number if step.undo and not place.covered_by else place.covered_by)
        yield from _block(step, number, inner)
    if step.retry:
        times = "once more" if step.retry.times == 1 else f"up to {step.retry.times} more times"
        yield f"If it fails, try {times}, {format_duration(step.retry.every)} apart."


def _looped(step: Step, place: Place) -> Place:
    """Inside of a loop around several steps: they are written once, for whichever item it is."""
    if step.for_each is None:
        return place
    items = place.values.render(step.for_each.items)
    only = items[0] if isinstance(items, list) and len(items) == 1 else Late(step.for_each.name)
    return place.bound(step.for_each.name, only)


def _each_of(step: Step, place: Place) -> str:
    loop = step.for_each
    assert loop is not None
    items = place.values.render(loop.items)
    told = f"**Do all of this for each {code(f'<{loop.name}>')}**, {batches_words(loop)}"
    if loop.pause:
        told += f", with {format_duration(loop.pause)} between"
    if step.verify and step.verify.each_batch:
        told += ", looking behind each batch whether it helped"
    if few := may_fail_words(loop):
        told += f"; at most {few} may fail"
    if not isinstance(items, list):
        return f"{told}. They are: {code(spelled(items))}."
    cut = [", ".join(code(spelled(item)) for item in batch) for batch in batches(loop, items)]
    return f"{told}: {'; then '.join(cut) or 'there is none, so nothing is to be done'}."


def _block(step: Step, number: str, place: Place) -> Iterator[str]:
    if step.child:
        yield from _child(step.child, number, place)
        return
    yield from steps(step.steps, place.deeper())
    yield from _put_back(number, lent(step.steps, place))


def _put_back(number: str, borrowed: list[str]) -> Iterator[str]:
    if borrowed:
        yield f"**Before you leave step {number}, put back what was borrowed:**"
        yield bullets(borrowed)


def _child(child: Child, number: str, place: Place) -> Iterator[str]:
    """The runbook that is called, in place, with the values that it is given."""
    plan = place.plans.get(child.runbook)
    if plan is None:
        yield f"Follow the runbook {code(child.runbook)}."
        return
    given: dict[str, Json | Late] = {
        name: schema["default"] for name, schema in plan.inputs.items() if "default" in schema
    }
    given |= {name: place.values.render(value) for name, value in child.inputs.items()}
    if given:
        yield table(
            ["value", f"in {code(child.runbook)}"],
            [[code(f"inputs.{name}"), code(spelled(value))] for name, value in given.items()],
        )
    if child.runbook in place.calling:
        yield f"With these, go through all of it again, from step {place.calling[child.runbook]} on."
        return
    numbers = numbered(plan.steps, f"{number}.")
    inner = replace(
        place.deeper(),
        plan=plan,
        values=place.values.only_inputs(given),
        numbers=numbers,
        calling={**place.calling, plan.runbook: f"{number}.1"},
        home=[],
    )
    yield from links(plan.links, inner)
    for each in plan.require:
        yield from required(inner, each.that, each.message)
    yield from steps(plan.steps, inner)
    yield from _put_back(number, [*lent(plan.steps, inner), *inner.home])
    if plan.outputs:
        yield f"What {code(plan.runbook)} gives:"
        given_out = plan.outputs.items()
        yield bullets(f"{code(f'outputs.{name}')}: {inner.reader.value(cel)}" for name, cel in given_out)


def _question(step: Step, place: Place) -> Iterator[str]:
    assert step.ask is not None
    who = " or ".join(named(role, place.facts) for role in step.ask.roles)
    yield f"Ask {who}." + (" Tell them:" if step.ask.show or step.ask.show_findings else "")
    if step.ask.show:
        yield quoted(place.values.text(step.ask.show))
    if step.ask.show_findings:
        yield "- what was found so far (everything that applied in the tables above)"
    yield "Write down what they say:"
    yield bullets(
        f"{code(f'steps.{step.id}.{name}')} = ________ ({_may_be(schema, place)})"
        for name, schema in step.ask.fields.items()
    )
    yield no_answer(step.ask.silence)


def _may_be(schema: Json, place: Place) -> str:
    choices = place.values.render(schema.get("enum"))
    some = "one"
    if choices is None and isinstance(items := schema.get("items"), dict):
        choices, some = place.values.render(items.get("enum")), "some"
    told = (
        prose(str(schema.get("type", "any value"))).replace("string", "text").replace("boolean", "yes or no")
    )
    if isinstance(choices, list):
        told = f"{some} of " + ", ".join(code(spelled(choice)) for choice in choices[: MOST_ROUNDS * 2])
    elif choices is not None:
        told = f"{some} of {code(spelled(choices))}"
    for word, head in (("minimum", "at least"), ("maximum", "at most"), ("pattern", "matching")):
        if word in schema:
            told += f", {head} {code(spelled(schema[word]))}"
    if isinstance(schema.get("description"), str):
        told = f"{prose(schema['description'])}; {told}"
    return f"{told}; {code(spelled(schema['default']))} if nobody says" if "default" in schema else told


def _afterwards(step: Step, place: Place) -> Iterator[str]:
    """What is known, found and kept behind the work, and what happens when it went wrong."""
    inner = place.bound(step.for_each.name, Late(step.for_each.name)) if step.for_each else place
    read = inner.reader
    if step.poll:
        yield f"Repeat it {until(step.poll, read)}. If it is not so by then, it failed."
    if step.outputs:
        what = f", for each {code(f'<{step.for_each.name}>')}" if step.for_each else ""
        yield f"Write down{what}:"
        yield bullets(_written(f"steps.{step.id}.{name}", cel, read) for name, cel in step.outputs.items())
    if step.keep:
        yield "Keep as evidence, in the incident:"
        yield bullets(f"{code(name)}: {read.value(cel)}" for name, cel in step.keep.items())
    for each in step.require:
        if each.after:
            yield from required(inner, each.that, each.message)
    yield from _findings(step, inner)
    yield from helped(step, inner if step.verify and step.verify.each_round else place)
    yield from way_back(step, place)
    yield from _failed(step)


def _written(name: str, cel: str, read: Reader) -> str:
    """A line to fill in, unless the value is known."""
    if isinstance(read.values.cel(cel), Late):
        return f"{code(name)} = ________ ({read.value(cel)})"
    return f"{code(name)} = {read.value(cel)}"


def _findings(step: Step, place: Place) -> Iterator[str]:
    if not step.findings:
        return
    rows = []
    for finding in step.findings:
        then = f"**{finding.verdict}**: {prose(place.values.text(finding.text))}"
        if finding.suggest:
            given = {name: place.values.render(value) for name, value in finding.suggest.inputs.items()}
            shown = ", ".join(f"{code(name)} {code(spelled(value))}" for name, value in given.items())
            then += f" Think of the runbook {code(finding.suggest.runbook)}" + (
                f" with {shown}" if shown else ""
            )
        rows.append([place.reader.condition(finding.when), then])
    yield table(["if you see that", "then it is"], rows)


def _failed(step: Step) -> Iterator[str]:
    who = " or ".join(map(prose, step.approval.roles if step.approval else (COMMANDER,)))
    match step.on_failure:
        case "continue":
            yield "If it fails, go on all the same."
        case "undo":
            yield "If it fails, take it back at once: the way back is above."
        case "ask" if step.effect == "change" or step.steps or step.child or step.call:
            back = ", take it back" if step.undo or step.steps else ""
            yield f"If it fails, ask {who}: try again, leave it out{back}, or stop?"
    if step.effect == "change" and not step.done:
        if step.idempotent:
            yield "Not sure whether it was done? Do it again; twice does no harm."
        elif step.call and step.call.action != "manual":
            yield f"Not sure whether it was done? Do **not** repeat it; ask {who}."
