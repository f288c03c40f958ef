"""Walk a document from top to bottom and give every expression its scope, its references and its type.

The types of a step's outputs are known before the first later step is looked at. What a step gives is made in
each round of its loop, and read behind the loop in its `results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stanch.language.already import NONE, of_the_action_alone
from stanch.language.diagnostics import Report
from stanch.language.document import (
    AskDoc,
    CallDoc,
    CheckDoc,
    ChildDoc,
    Document,
    FindingDoc,
    LinkDoc,
    RequireDoc,
    RevertDoc,
    StepDoc,
    TriggerDoc,
    walk,
)
from stanch.language.fits import LIST, NOTHING, ONE_VALUE, Wanted, of_param
from stanch.language.guards import asserts, is_asked_in_rounds, is_checked_after
from stanch.language.interface import Interface
from stanch.language.judge import Judge, Use
from stanch.language.rounds import record_of
from stanch.language.scope import (
    CHILD_RESULT,
    OWN_WORDS,
    ROUNDS,
    UNKNOWN_RESULT,
    Doubt,
    ResultType,
    Scope,
    StepNames,
    result_of,
)
from stanch.language.tree import Entry, plain
from stanch.language.tree import Mapping as MappingNode
from stanch.language.types import BOOL, DYN, Signature, element_of, of_schema

_EMPTY: Mapping[str, Interface] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Annotated:
    uses: tuple[Use, ...]
    names: Mapping[str, StepNames]
    """By id, the steps as later ones see them."""
    outputs: Mapping[str, Signature]
    """Of the runbook."""


def annotate(document: Document, report: Report, interfaces: Mapping[str, Interface] = _EMPTY) -> Annotated:
    """Every expression of the document, in the order in which they are evaluated.

    `interfaces` are those of other runbooks, by name; what is not known of one may be anything.
    """
    judge = Judge(document.source, report)
    annotator = _Annotator(document, judge, interfaces)
    outputs = annotator.document()
    return Annotated(tuple(judge.uses), annotator.names, outputs)


class _Annotator:
    def __init__(self, document: Document, judge: Judge, interfaces: Mapping[str, Interface]) -> None:
        self._document = document
        self._judge = judge
        self._interfaces = interfaces
        self.names: dict[str, StepNames] = {}

    def document(self) -> dict[str, Signature]:
        """The types of the runbook's outputs."""
        document = self._document
        scope = Scope(inputs=_inputs(document))
        for trigger in document.triggers:
            self._trigger(trigger)
        self._links(document.links, scope)
        self._judge.texts(document.locks, scope)
        scope = self._required(document.require, scope)
        scope = self._steps(document.steps, scope)
        return {output.name.text: self._judge.output(output, scope) for output in document.outputs}

    def _trigger(self, trigger: TriggerDoc) -> None:
        scope = Scope(alert=True)
        self._judge.expression(trigger.when, scope, BOOL)
        declared = {each.name.text: each.node for each in self._document.inputs}
        for entry in trigger.inputs:
            wanted = Wanted(plain(declared[entry.name])) if entry.name in declared else NOTHING
            self._judge.template(entry.value, scope, wanted, entry.name)

    # --- steps --------------------------------------------------------------------------------------------

    def _steps(self, steps: tuple[StepDoc, ...], scope: Scope) -> Scope:
        """The scope behind the last of the steps."""
        for step in steps:
            scope = self._step(step, scope)
        return scope

    def _at_once(self, steps: tuple[StepDoc, ...], scope: Scope) -> Scope:
        """The scope behind steps of which none can read another."""
        asserted = scope.asserted.union(*[self._step(step, scope).asserted for step in steps])
        ended = {inner.id: self.names[inner.id] for inner in walk(steps)}
        return scope.but(ended={**scope.ended, **ended}, asserted=asserted)

    def _step(self, step: StepDoc, scope: Scope) -> Scope:
        """The scope behind the step."""
        outer = scope.but(step=step)
        doubts = outer.doubts + _doubts(step)
        if step.kind == "broken":
            return self._broken(step, scope, doubts)
        if step.title is not None:
            self._judge.texts((step.title,), outer)
        if step.links:
            self._links(step.links, outer)
        if step.when is not None:
            self._judge.expression(step.when, outer, BOOL)
            outer = _asserting(outer, asserts(step.when.cel))
        if step.require:
            outer = self._preconditions(step, outer)
        inner = self._loop(step, outer)
        if step.steps:
            scope = self._inside(step, inner.but(doubts=doubts), scope)
        self._action(step, outer, inner)
        outputs: dict[str, Signature] = {}
        follows = step.findings or step.require or step.undo or step.revert or step.verify
        if step.outputs or step.ask or follows:
            behind = inner.but(ended=scope.ended, doubts=doubts, result=self._result(step))
            outputs = self._outputs(step, behind)
            if follows:
                self._after(step, behind.but(own=outputs), outer)
        return self._ended(step, outputs, scope, doubts)

    def _broken(self, step: StepDoc, scope: Scope, doubts: tuple[Doubt, ...]) -> Scope:
        """Nothing is said about what stands in it, nor about those who read it."""
        for inner in walk((step,)):
            names = StepNames(inner, {}, scope.rounds, doubts, open=True)
            self.names[inner.id] = names
            scope = scope.but(ended={**scope.ended, inner.id: names})
        return scope

    def _preconditions(self, step: StepDoc, outer: Scope) -> Scope:
        """The scope behind what is required before the step acts."""
        early = tuple(each for each in step.require if not is_checked_after(each, step.id))
        return self._required(early, outer)

    def _ended(
        self, step: StepDoc, outputs: dict[str, Signature], scope: Scope, doubts: tuple[Doubt, ...]
    ) -> Scope:
        given, made = (outputs, {}) if step.loop is None else (ROUNDS, outputs)
        alone = NONE if step.done is None else of_the_action_alone(step, _call_result(step))
        names = StepNames(step, given, scope.rounds, doubts, _is_open(step), made, alone)
        self.names[step.id] = names
        asserted = scope.asserted
        if step.require and step.when is None:
            asserted |= _asserted_by(step.require)
        return scope.but(ended={**scope.ended, step.id: names}, asserted=asserted)

    def _loop(self, step: StepDoc, outer: Scope) -> Scope:
        """The scope of one round; the step's own scope when it has no loop."""
        if "for_each" in step.lost:
            return outer.but(nameless=True)
        if step.loop is None:
            return outer
        kind = self._judge.template(step.loop.items, outer, LIST, "in")
        inner = outer.with_loop(step.loop.name.text, element_of(kind) or DYN, record_of(step.loop, outer))
        return inner.but(rounds=(*inner.rounds, step.id))

    def _inside(self, step: StepDoc, inner: Scope, scope: Scope) -> Scope:
        """`scope` with the steps of the block as ended."""
        behind = self._at_once(step.steps, inner) if step.parallel else self._steps(step.steps, inner)
        return scope.but(ended=behind.ended)

    def _action(self, step: StepDoc, outer: Scope, inner: Scope) -> None:
        """What is settled before the step acts."""
        if step.wait is not None:
            self._judge.template(step.wait, inner, ONE_VALUE, "wait")
        if step.call is not None:
            self._call(step.call, inner)
        if step.child is not None:
            self._child(step.child, inner)
        if step.ask is not None:
            self._ask(step.ask, inner)
        if step.poll is not None or step.keep:
            acted = inner.with_result(_call_result(step))
            if step.poll is not None:
                self._judge.expression(step.poll.until, acted, BOOL)
            for each in step.keep:
                self._judge.output(each, acted, "evidence")
        if step.done is not None:
            self._check(step.done, inner)
        if step.approval is not None:
            self._judge.texts((step.approval.confirm,), outer)
        if step.unattended is not None or step.irreversible is not None:
            self._judge.texts((step.unattended, step.irreversible), outer)

    def _result(self, step: StepDoc) -> ResultType | None:
        """What `result` is behind the step, or behind a round of it."""
        if step.ask is not None:
            return ResultType(many=False, fields=None if "ask" in step.lost else _fields(step.ask))
        if step.child is not None:
            known = self._interfaces.get(step.child.runbook.text)
            return ResultType(False, CHILD_RESULT, None if known is None else known.outputs)
        return _call_result(step)

    def _outputs(self, step: StepDoc, behind: Scope) -> dict[str, Signature]:
        """What the step, or a round of it, gives: what a person answered, and what is made of it."""
        answered = {} if step.ask is None else _fields(step.ask)
        scope = behind if step.ask is None else behind.but(own=answered)
        made = {output.name.text: self._judge.output(output, scope) for output in step.outputs}
        return {**answered, **made} if answered else made

    def _after(self, step: StepDoc, own: Scope, outer: Scope) -> None:
        """What may read the step's own outputs; `own` is the scope of a round, `outer` that of the step."""
        for finding in step.findings:
            self._finding(finding, own)
        self._required(tuple(each for each in step.require if is_checked_after(each, step.id)), own)
        self._call(step.undo, own)
        if step.revert is not None:
            self._revert(step.revert, own)
        if step.verify is None:
            return
        if step.loop is None or is_asked_in_rounds(step):
            self._check(step.verify, own.but(result=None))
        else:
            behind = outer.but(ended=own.ended, doubts=own.doubts)
            self._check(step.verify, behind.but(own=ROUNDS, made=own.own or {}))

    # --- parts of a step ----------------------------------------------------------------------------------

    def _ask(self, ask: AskDoc, scope: Scope) -> None:
        if ask.show is not None and ask.show.text != "findings":
            self._judge.texts([ask.show], scope)
        for each in ask.fields:
            for choices in each.late_choices:
                self._judge.template(choices, scope, LIST, "enum")

    def _child(self, child: ChildDoc, scope: Scope) -> None:
        """Whether they fit is said by rules: of a call it is an error, of a suggestion advice."""
        for entry in child.inputs:
            self._judge.template(entry.value, scope, NOTHING, entry.name)

    def _finding(self, finding: FindingDoc, scope: Scope) -> None:
        self._judge.expression(finding.when, scope, BOOL)
        scope = _asserting(scope, asserts(finding.when.cel))
        self._judge.texts([finding.text], scope)
        if finding.suggest is not None:
            self._child(finding.suggest, scope)

    def _revert(self, revert: RevertDoc, scope: Scope) -> None:
        for time in revert.times:
            self._judge.template(time, scope, ONE_VALUE, "revert")
        self._check(revert.when, scope)

    def _check(self, check: CheckDoc | None, scope: Scope) -> None:
        if check is None or check.poll is None:
            return
        self._call(check.call, scope)
        call = check.call
        if check.step is not None:
            repeated = scope.ended.get(check.step.text)
            call = repeated.step.call if repeated is not None else None
        asked = scope.with_result(result_of(call) or UNKNOWN_RESULT)
        self._judge.expression(check.poll.until, asked, BOOL)
        if check.poll.worse is not None:
            self._judge.expression(check.poll.worse, asked, BOOL)

    def _call(self, call: CallDoc | None, scope: Scope) -> None:
        if call is None:
            return
        for entry in call.params:
            if not self._judge.is_plain(entry.value):
                self._param(call, entry, scope)
        if not call.inherited:
            return
        if held := [entry for entry in call.inherited if not self._judge.is_plain(entry.value)]:
            with self._judge.taken_over(held[0].key, call.word):
                for entry in held:
                    self._param(call, entry, scope)

    def _param(self, call: CallDoc, entry: Entry, scope: Scope) -> None:
        name = entry.name
        wanted = NOTHING if call.spec is None else of_param(call.spec, name)
        self._judge.template(entry.value, scope, wanted, name)

    def _required(self, required: tuple[RequireDoc, ...], scope: Scope) -> Scope:
        """The scope behind them. They are checked in order, so each stands behind those above it."""
        for each in required:
            self._judge.expression(each.that, scope, BOOL)
            scope = _asserting(scope, asserts(each.that.cel))
            self._judge.texts([each.message], scope)
        return scope

    def _links(self, links: tuple[LinkDoc, ...], scope: Scope) -> None:
        for link in links:
            self._judge.texts([link.title, link.url], scope)


def _inputs(document: Document) -> dict[str, Signature]:
    """The declared inputs; one whose schema was not understood exists too, as anything."""
    written = document.written.get("inputs")
    names = [entry.name for entry in written.entries] if isinstance(written, MappingNode) else []
    known = {each.name.text: of_schema(plain(each.node)) for each in document.inputs}
    return {**dict.fromkeys(names, DYN), **known}


def _fields(ask: AskDoc) -> dict[str, Signature]:
    return {each.name.text: of_schema(plain(each.node)) for each in ask.fields}


def _doubts(step: StepDoc) -> tuple[Doubt, ...]:
    then = step.on_failure
    if then is None and step.effect == "change" and "on_failure" not in step.lost:
        then = "ask"
    if step.when is None and then not in ("continue", "ask"):
        return ()
    found = []
    if step.when is not None:
        found.append(Doubt(step.id, step.when.cel))
    if then == "continue":
        found.append(Doubt(step.id, None))
    elif then == "ask":
        found.append(Doubt(step.id, None, skipped=True))
    return tuple(found)


def _asserting(scope: Scope, asserted: frozenset[str]) -> Scope:
    return scope.but(asserted=scope.asserted | asserted) if asserted else scope


def _asserted_by(requires: tuple[RequireDoc, ...]) -> frozenset[str]:
    return frozenset().union(*(asserts(each.that.cel) for each in requires))


def _is_open(step: StepDoc) -> bool:
    """Whether its outputs are not known: any name is let through then."""
    unknown_action = step.kind == "action" and (step.call is None or step.call.spec is None)
    return step.kind == "broken" or unknown_action or not step.lost.isdisjoint(OWN_WORDS)


def _call_result(step: StepDoc) -> ResultType | None:
    """`result` of one call of the step's action."""
    if step.kind == "action" and step.call is None:
        return UNKNOWN_RESULT
    return result_of(step.call)
