"""A Plan for a person: what will be done in which order, what is asked, and how it is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.errors import EvaluationError
from stanch.language.chains import roots
from stanch.language.duration import format_duration
from stanch.language.encode import plan_digest
from stanch.language.evaluate import evaluate, show
from stanch.language.plan import Approval, ForEach, Json, Plan, Require, Step
from stanch.language.render.calls import call_text, check_text, poll_text
from stanch.language.template import Hole, UnclosedHole, split


def plan_text(plan: Plan, inputs: Mapping[str, Json] | None) -> str:
    """The Plan as lines of text. With `inputs`, every `${{ }}` that needs nothing else is filled in."""
    return "\n".join(_fill(line, inputs) for line in _plan(plan, inputs)) + "\n"


def _plan(plan: Plan, inputs: Mapping[str, Json] | None) -> Iterator[str]:
    yield f"{plan.runbook}: {plan.title}"
    yield f"{plan.kind}, owned by {plan.owner}, digest {plan_digest(plan)}"
    if plan.inputs:
        yield ""
        yield "inputs"
        for name, schema in plan.inputs.items():
            yield f"  {name}: {_input(name, schema, inputs)}"
    yield from _requires(plan.require, "")
    for lock in plan.locks:
        yield f"lock {lock}"
    yield ""
    yield "steps"
    for at, step in enumerate(plan.steps, 1):
        yield from _step(step, str(at), "  ")
    if plan.outputs:
        yield ""
        yield "outputs"
        for name, cel in plan.outputs.items():
            yield f"  {name}: {cel}"
    for link in plan.links:
        yield f"link {link.title}: {link.url}"


def _input(name: str, schema: Json, inputs: Mapping[str, Json] | None) -> str:
    if inputs is not None and name in inputs:
        return show(inputs[name])
    kind = schema.get("type", "any")
    return f"{kind}, {show(schema['default'])} if not given" if "default" in schema else f"{kind}"


def _step(step: Step, number: str, indent: str) -> Iterator[str]:
    mark = "change" if step.effect == "change" else "block" if step.steps else "read"
    kind = mark if step.call or step.steps else "wait" if step.wait else "compute"
    yield f"{indent}{number}. {step.id} ({kind}){': ' if step.title else ''}{step.title}"
    inner = f"{indent}     "
    for line in _words(step):
        yield f"{inner}{line}"
    for at, child in enumerate(step.steps, 1):
        yield from _step(child, f"{number}.{at}", f"{indent}   ")


def _words(step: Step) -> Iterator[str]:
    """The words of a step, in the order in which they act."""
    yield from _before(step)
    if step.call:
        yield f"run {call_text(step.call)}"
    if step.wait:
        yield f"wait {step.wait}"
    if step.poll:
        yield poll_text(step.poll)
    if step.done:
        yield f"done when {check_text(step.done)}"
    for name, cel in step.outputs.items():
        yield f"output {name} = {cel}"
    yield from _requires(tuple(each for each in step.require if each.after), " afterwards")
    yield from _behind(step)


def _before(step: Step) -> Iterator[str]:
    if step.when:
        yield f"when {step.when}"
    yield from _requires(tuple(each for each in step.require if not each.after), "")
    if step.for_each:
        yield _loop(step.for_each)
    if step.approval:
        yield _approval(step.approval)
    if step.unattended:
        yield f"unattended: {step.unattended}"


def _behind(step: Step) -> Iterator[str]:
    if step.verify:
        yield f"verify {check_text(step.verify)}"
    if step.undo:
        yield f"undo {call_text(step.undo)}"
    if step.irreversible:
        yield f"no way back: {step.irreversible}"
    if step.call or step.steps:
        yield f"on failure {step.on_failure}"


def _requires(requires: tuple[Require, ...], when: str) -> Iterator[str]:
    for each in requires:
        yield f"require{when} {each.that}, else: {each.message}"


def _loop(loop: ForEach) -> str:
    items = loop.items if isinstance(loop.items, str) else show(loop.items)
    text = f"for each {loop.name} in {items}"
    if loop.batches:
        text += f", in batches of {', '.join(map(str, loop.batches))}"
    if loop.pause:
        text += f", {format_duration(loop.pause)} apart"
    return f"{text}, at most {loop.max_failures} may fail" if loop.max_failures else text


def _approval(approval: Approval) -> str:
    text = f"ask {', '.join(approval.roles)}"
    if approval.quorum > 1:
        text += f" ({approval.quorum} people)"
    if approval.confirm:
        text += f", who types {approval.confirm}"
    if approval.silence:
        text += f"; {approval.silence.then} after {format_duration(approval.silence.after)} without an answer"
    return text


def _fill(line: str, inputs: Mapping[str, Json] | None) -> str:
    """The line with every hole filled that reads nothing but inputs."""
    if inputs is None or "${{" not in line:
        return line
    try:
        parts = split(line)
    except UnclosedHole:
        return line
    return "".join(part if isinstance(part, str) else _value(part, inputs) for part in parts)


def _value(hole: Hole, inputs: Mapping[str, Json]) -> str:
    if roots(hole.cel) <= {"inputs"}:
        try:
            return show(evaluate(hole.cel, {"inputs": dict(inputs)}))
        except EvaluationError:
            pass
    return f"${{{{ {hole.cel} }}}}"
