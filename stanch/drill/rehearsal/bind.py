"""A rehearsal held against the Plan that it rehearses: its names, its inputs, its scripted results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stanch.drill.rehearsal.document import Answers, Rehearsal
from stanch.drill.rehearsal.parse import LOOK_WORDS, TAKE_WORDS
from stanch.drill.scripted.given import Given, Look, Take
from stanch.drill.scripted.knowing import IN_PLACE
from stanch.drill.scripted.names import Found, find_step, step_names
from stanch.language import tree
from stanch.language.catalogue import ActionSpec, Catalogue
from stanch.language.data import fault
from stanch.language.diagnostics import Report
from stanch.language.duration import format_duration
from stanch.language.inputs import check_values
from stanch.language.parts import entries, items
from stanch.language.plan import MANUAL, Call, Json, Plan, Step
from stanch.language.shapes import Shape
from stanch.language.source import Span
from stanch.language.structure import Head, fit
from stanch.language.tree import plain
from stanch.language.words import did_you_mean, listed

LONGEST = 3652 * 86400.0
"""Seconds that anything in a script may take."""


@dataclass(slots=True, eq=False)
class Forms:
    """What rehearsals look like, and what the actions in them give."""

    catalogue: Catalogue
    document: Shape
    """Of `schemas/drill.v1.json`."""
    _gives: dict[tuple[str, bool, bool], Shape] = field(default_factory=dict)

    def gives(self, spec: ActionSpec, *, take: bool, knowing: bool = False) -> Shape:
        """The shape of what is written of one result: any part of it, and the words of a look or take;
        `knowing` when an action says by itself whether its change is in place."""
        key = (spec.name, take, knowing)
        if key not in self._gives:
            words: dict[str, Json] = dict.fromkeys(sorted(TAKE_WORDS if take else LOOK_WORDS), True)
            words |= {IN_PLACE: {"type": "boolean"}} if knowing else {}
            loose = _loose(spec.result)
            known = loose.get("properties", {})
            self._gives[key] = Shape({**loose, "type": "object", "properties": {**known, **words}})
        return self._gives[key]


def _loose(schema: Json) -> Json:
    """`schema` with nothing that has to be there: what is not written is filled in."""
    if isinstance(schema, list):
        return [_loose(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _loose(part) for key, part in held.items()} if name == "properties" else _loose(held)
        for name, held in schema.items()
        if name != "required"
    }


def bind(rehearsal: Rehearsal, plan: Plan, forms: Forms, report: Report) -> None:
    """Note in `report` what of `rehearsal` does not fit `plan`."""
    binder = _Binder(plan, forms, report)
    binder.inputs(rehearsal)
    for given in rehearsal.given.values():
        binder.given(given)
    for answers in rehearsal.people.values():
        binder.people(answers)
    binder.expected(rehearsal)


class _Binder:
    def __init__(self, plan: Plan, forms: Forms, report: Report) -> None:
        self._plan = plan
        self._forms = forms
        self._report = report

    def inputs(self, rehearsal: Rehearsal) -> None:
        declared = self._plan.inputs
        for entry in rehearsal.inputs.entries:
            schema = declared.get(entry.name)
            if schema is None:
                message = f"`{self._plan.runbook}` has no input `{entry.name}`"
                self._report.add("RB704", entry.key.span, message, did_you_mean(entry.name, list(declared)))
                continue
            for problem in check_values("input", {entry.name: schema}, {entry.name: plain(entry.value)}):
                self._report.add("RB704", entry.value.span, problem)
        missing = [
            name
            for name, schema in declared.items()
            if "default" not in schema and rehearsal.inputs.entry(name) is None
        ]
        if missing:
            message = f"`{self._plan.runbook}` needs {listed(missing)}"
            hint = f"write {'it' if len(missing) == 1 else 'them'} under `inputs`"
            self._report.add("RB704", rehearsal.runbook.span, message, hint)

    # --- what the outside gives ---------------------------------------------------------------------------

    def given(self, given: Given) -> None:
        if (found := self._step(given.name)) is None:
            return
        items = [item for take in given.takes for item in take.items.values()]
        if items and not found.looped:
            message = f"`{given.name.text}` is in no loop, so it has no items"
            self._report.add("RB703", items[0].name.span, message, "take out `items`")
        self._takes(given, given, found.step)

    def _takes(self, given: Given, owner: Given, step: Step) -> None:
        for take in given.takes:
            self._take(take, owner, step)
            for item in take.items.values():
                self._takes(item, owner, step)

    def _take(self, take: Take, owner: Given, step: Step) -> None:
        name, call = owner.name.text, step.call
        by_hand = call is not None and call.action == MANUAL
        self._parts(take, owner, step)
        if call is None or by_hand:
            about_it = take.before or take.done or take.verify or take.undo or take.items
            if take.look.takes or not (take.look.says_nothing and about_it):
                who = "what a person does by hand is said under `people`" if by_hand else None
                self._report.add("RB703", take.look.span, f"`{name}` has no action that gives a result", who)
        else:
            self._look(take.look, call, f"what `{name}` gives", take=True)
            if take.look.ending == "lost" and step.effect == "read":
                message = f"`{name}` only reads, and nothing is in doubt about that"
                self._report.add("RB703", take.look.span, message, "write `fails`")
        knowing = _knowing(step) if step.done is None else None
        done = step.done.call if step.done is not None else knowing
        verify = None if step.verify is None else step.verify.call
        for looks, asked, what in (
            ((take.before,) if take.before else (), done, "done"),
            (take.done, done, "done"),
            (take.verify, verify, "verify"),
        ):
            if asked is not None:
                for look in looks:
                    self._look(look, asked, f"what `{what}` of `{name}` sees", knowing=asked is knowing)
        if (undo := step.undo or _knowing(step)) is not None:
            for look in take.undo:
                self._look(look, undo, f"what `undo` of `{name}` gives")

    def _parts(self, take: Take, owner: Given, step: Step) -> None:
        """Words about what the step does not have."""
        parts: Mapping[str, tuple[bool, Json]] = {
            "done": (bool(take.done or take.before or take.already), step.done or _knowing(step)),
            "verify": (bool(take.verify), step.verify),
            "undo": (bool(take.undo), step.undo or _knowing(step)),
        }
        for word, (said, has) in parts.items():
            if said and has is None:
                message = f"`{owner.name.text}` has no `{word}`"
                self._report.add("RB703", owner.name.span, message, f"take out what is said about `{word}`")

    def _look(self, look: Look, call: Call, what: str, *, take: bool = False, knowing: bool = False) -> None:
        spec = self._forms.catalogue.actions[call.action]
        data = plain(look.fields)
        self._time(look.takes, look.span)
        shape = self._forms.gives(spec, take=take, knowing=knowing)
        fit(look.fields, data, shape, Head(what, look.span), self._report)
        for node in _whole(look.whole):
            self._whole(node, spec, what)
        if (reason := fault(data)) is not None:
            self._report.add("RB204", look.fields.span, f"{what} {reason}")
        if look.targets and not (spec.per_target and not call.one):
            message = f"`{call.action}` gives one result here, and none for each target"
            self._report.add("RB703", look.span, message, "take out `targets`")
        for of_target in look.targets.values():
            self._look(of_target, call, what)

    def _whole(self, node: tree.Node, spec: ActionSpec, what: str) -> None:
        if not isinstance(node, tree.Mapping):
            self._report.add("RB203", node.span, f"{what} must be a mapping")
            return
        shape = Shape(_loose(spec.result))
        fit(node, plain(node), shape, Head(what, node.span.first(1)), self._report)
        if (reason := fault(plain(node))) is not None:
            self._report.add("RB204", node.span, f"{what} {reason}")

    # --- people, and what is expected ---------------------------------------------------------------------

    def people(self, answers: Answers) -> None:
        for answer in answers.answers:
            self._time(answer.after, answer.span)
        found = self._step(answers.name)
        if found is None or _asks(found.step):
            return
        name = answers.name
        self._report.add("RB703", name.span, f"`{name.text}` asks nobody", "take its answer out")

    def _time(self, seconds: float, span: Span) -> None:
        if seconds > LONGEST:
            message = f"nobody waits longer than {format_duration(LONGEST)}, which is ten years"
            self._report.add("RB204", span, message)

    def expected(self, rehearsal: Rehearsal) -> None:
        node = rehearsal.expect
        if rehearsal.abort is not None:
            self._time(rehearsal.abort.after, rehearsal.name.span)
        for ordered in rehearsal.orders:
            self._time(ordered.after, ordered.span)
        for reported in rehearsal.alert:
            self._time(reported.after, rehearsal.name.span)
        for name in _named(node):
            self._step(name)
        for entry in entries(node.get("outputs")):
            if entry.name not in self._plan.outputs:
                message = f"`{self._plan.runbook}` has no output `{entry.name}`"
                hint = did_you_mean(entry.name, list(self._plan.outputs))
                self._report.add("RB702", entry.key.span, message, hint)

    def _step(self, name: tree.Scalar) -> Found | None:
        found = find_step(self._plan, name.text)
        if found is None:
            hint = did_you_mean(name.text, step_names(self._plan))
            self._report.add("RB702", name.span, f"`{self._plan.runbook}` has no step `{name.text}`", hint)
        return found


def _whole(node: tree.Node | None) -> tuple[tree.Node, ...]:
    """The results in a `result:`, which may be a list of them."""
    if isinstance(node, tree.Sequence):
        return node.items
    return () if node is None else (node,)


def _knowing(step: Step) -> Call | None:
    """The step's call, if its action looks by itself whether its change is in place."""
    return step.call if step.call is not None and step.call.knows and step.effect == "change" else None


def _asks(step: Step) -> bool:
    """Whether the step may put a question to anybody, be it after a failure."""
    by_hand = step.call is not None and step.call.action == MANUAL
    return bool(step.approval or step.ask or by_hand or step.on_failure == "ask")


def _named(expect: tree.Mapping) -> Iterator[tree.Scalar]:
    """The steps that are named in what is expected."""
    for word in ("steps", "not_run"):
        yield from (each for each in items(expect.get(word)) if isinstance(each, tree.Scalar))
    for word in ("requests", "findings", "ledger"):
        for each in items(expect.get(word)):
            if isinstance(each, tree.Mapping):
                yield from _steps_in(each)


def _steps_in(node: tree.Mapping) -> Iterator[tree.Scalar]:
    if isinstance(name := node.get("step"), tree.Scalar):
        yield name
    for each in items(node.get("findings")):
        if isinstance(each, tree.Mapping):
            yield from _steps_in(each)
