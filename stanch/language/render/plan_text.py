"""A Plan for a person: what will be done in which order, what is asked, and how it is taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.errors import EvaluationError
from stanch.language.chains import roots
from stanch.language.duration import format_duration
from stanch.language.encode import plan_digest
from stanch.language.evaluate import evaluate, show
from stanch.language.plan import Approval, Ask, Check, Finding, ForEach, Json, Plan, Require, Step
from stanch.language.render.calls import call_text, check_text, poll_text
from stanch.language.render.phrases import (
    batches_words,
    kind_of,
    may_fail_words,
    revert_words,
    silence_words,
    who_agrees,
)
from stanch.language.template import Hole, UnclosedHole, split


def plan_text(plan: Plan, inputs: Mapping[str, Json] | None) -> str:
    """The Plan as lines of text. With `inputs`, every `${{ }}` that needs nothing else is filled in."""
    lines = [_filled(line, inputs) for line in _plan(plan, inputs)]
    for child in plan.children.values():
        # What it is given is said where it is called, and may differ from call to call.
        lines += ["", *_child(child)]
    return "\n".join(lines) + "\n"


def _plan(plan: Plan, inputs: Mapping[str, Json] | None) -> Iterator[str]:
    yield f"{plan.runbook}: {plan.title}"
    yield f"{plan.kind}, owned by {plan.owner}, digest {plan_digest(plan)}"
    if plan.symptoms:
        yield f"symptoms {_one_line(plan.symptoms)}"
    if plan.impact:
        yield f"impact {_one_line(plan.impact)}"
    if plan.severities:
        yield f"only at {', '.join(plan.severities)}"
    yield from _body(plan, inputs)


def _child(plan: Plan) -> Iterator[str]:
    yield f"runbook {plan.runbook}: {plan.title}"
    yield from _body(plan, None)


def _body(plan: Plan, inputs: Mapping[str, Json] | None) -> Iterator[str]:
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
            yield f"  {name}: {_one_line(cel)}"
    for link in plan.links:
        yield f"link {link.title}: {link.url}"


def _input(name: str, schema: Json, inputs: Mapping[str, Json] | None) -> str:
    if inputs is not None and name in inputs:
        return show(inputs[name])
    kind = schema.get("type", "any")
    return f"{kind}, {show(schema['default'])} if not given" if "default" in schema else f"{kind}"


def _step(step: Step, number: str, indent: str) -> Iterator[str]:
    yield f"{indent}{number}. {step.id} ({kind_of(step)}){': ' if step.title else ''}{step.title}"
    inner = f"{indent}     "
    for line in _words(step):
        yield f"{inner}{line}"
    for at, child in enumerate(step.steps, 1):
        yield from _step(child, f"{number}.{at}", f"{indent}   ")


def _words(step: Step) -> Iterator[str]:
    """The words of a step, in the order in which they act."""
    yield from _before(step)
    yield from _work(step)
    for name, cel in step.outputs.items():
        yield f"output {name} = {_one_line(cel)}"
    yield from _requires(tuple(each for each in step.require if each.after), " afterwards")
    yield from _told(step)
    yield from _behind(step)


def _before(step: Step) -> Iterator[str]:
    if step.when:
        yield f"when {_one_line(step.when)}"
    yield from _requires(tuple(each for each in step.require if not each.after), "")
    if step.for_each:
        yield _loop(step.for_each)
    if step.approval:
        yield _approval(step.approval)
    if step.unattended:
        yield f"unattended: {step.unattended}"


def _work(step: Step) -> Iterator[str]:
    if step.call:
        most = f", targets at most {step.most_targets}" if step.most_targets else ""
        yield f"run {call_text(step.call)}{most}"
    if step.wait:
        yield f"wait {step.wait}"
    if step.ask:
        yield from _ask(step.ask)
    if step.child:
        values = ", ".join(f"{name}={_value_text(value)}" for name, value in step.child.inputs.items())
        yield f"runbook {step.child.runbook}" + (f" with {values}" if values else "")
    if step.poll:
        yield poll_text(step.poll)
    if step.retry:
        yield f"on failure again, {step.retry.times} times, {format_duration(step.retry.every)} apart"
    if step.done:
        yield f"done when {check_text(step.done)}"
    if step.idempotent:
        yield "may be done twice"
    if step.call:
        yield f"takes at most {format_duration(step.timeout)}"
    elif step.limit:
        yield f"takes at most {format_duration(step.limit)} as a whole"


def _told(step: Step) -> Iterator[str]:
    for finding in step.findings:
        yield _finding(finding)
    for name, cel in step.keep.items():
        yield f"keep {name} = {_one_line(cel)}"
    for link in step.links:
        yield f"link {link.title}: {link.url}"


def _behind(step: Step) -> Iterator[str]:
    if step.verify:
        yield f"verify{_asked_when(step.verify)} {check_text(step.verify)}"
    if step.undo:
        yield f"undo {call_text(step.undo)}"
    if step.revert:
        check = check_text(step.revert.when) if step.revert.when else ""
        yield f"put back {revert_words(step.revert, str, check)}"
    if step.irreversible:
        yield f"no way back: {step.irreversible}"
    if step.call or step.steps or step.child:
        yield f"on failure {step.on_failure}"


def _asked_when(verify: Check) -> str:
    if verify.each_round:
        return " in each round"
    return " behind each batch" if verify.each_batch else ""


def _requires(requires: tuple[Require, ...], when: str) -> Iterator[str]:
    for each in requires:
        yield f"require{when} {_one_line(each.that)}, else: {_one_line(each.message)}"


def _loop(loop: ForEach) -> str:
    items = loop.items if isinstance(loop.items, str) else show(loop.items)
    text = f"for each {loop.name} in {_one_line(items)}"
    if loop.most:
        text += f" (at most {loop.most})"
    text += f", {batches_words(loop)}"
    if loop.pause:
        text += f", {format_duration(loop.pause)} apart"
    if loop.empty_ok:
        text += ", perhaps none"
    few = may_fail_words(loop)
    return f"{text}, at most {few} may fail" if few else text


def _approval(approval: Approval) -> str:
    text = f"ask {who_agrees(approval.roles, approval.quorum, approval.of_roles)}"
    if approval.confirm:
        text += f", who types {approval.confirm}"
    return f"{text}; {silence_words(approval.silence)}" if approval.silence else text


def _ask(ask: Ask) -> Iterator[str]:
    shown = "; shows the findings" if ask.show_findings else f": {_one_line(ask.show)}" if ask.show else ""
    yield f"ask {' or '.join(ask.roles)}{shown}"
    for name, schema in ask.fields.items():
        yield f"  {name}: {_value_text(schema)}"
    if ask.silence:
        yield silence_words(ask.silence)


def _finding(finding: Finding) -> str:
    text = f"finding {finding.verdict} when {_one_line(finding.when)}: {_one_line(finding.text)}"
    if finding.suggest is None:
        return text
    values = ", ".join(f"{name}={_value_text(value)}" for name, value in finding.suggest.inputs.items())
    return f"{text}; suggests {finding.suggest.runbook}" + (f" with {values}" if values else "")


def _value_text(value: Json) -> str:
    return _one_line(show(value))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _filled(line: str, inputs: Mapping[str, Json] | None) -> str:
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
            return _one_line(show(evaluate(hole.cel, {"inputs": dict(inputs)})))
        except EvaluationError:
            pass
    return f"${{{{ {hole.cel} }}}}"
