"""Walk a document from top to bottom and give every expression its scope, its references and its type.

The types of a step's outputs are known before the first later step is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stanch.language.diagnostics import Report
from stanch.language.document import CallDoc, CheckDoc, Document, RequireDoc, StepDoc, TriggerDoc
from stanch.language.fits import LIST, NOTHING, ONE_VALUE, Wanted
from stanch.language.guards import asserts, is_checked_after
from stanch.language.judge import Judge, Use
from stanch.language.scope import UNKNOWN_RESULT, Doubt, ResultType, Scope, StepNames, result_of
from stanch.language.tree import Mapping, plain
from stanch.language.types import BOOL, DYN, Signature, element_of, of_schema


@dataclass(frozen=True, slots=True, eq=False)
class Annotated:
    uses: tuple[Use, ...]
    names: dict[str, StepNames]
    """By id, the steps as later ones see them."""


def annotate(document: Document, report: Report) -> Annotated:
    """Every expression of the document, in the order in which they are evaluated."""
    judge = Judge(document.source, report)
    annotator = _Annotator(document, judge)
    annotator.document()
    return Annotated(tuple(judge.uses), annotator.names)


class _Annotator:
    def __init__(self, document: Document, judge: Judge) -> None:
        self._document = document
        self._judge = judge
        self.names: dict[str, StepNames] = {}

    def document(self) -> None:
        document = self._document
        scope = Scope(inputs=_inputs(document))
        for trigger in document.triggers:
            self._trigger(trigger)
        for title, url in document.links:
            self._judge.texts([title, url], scope)
        self._judge.texts(document.locks, scope)
        for each in document.require:
            self._require(each, scope)
        scope = replace(scope, asserted=_asserted_by(document.require))
        scope = self._steps(document.steps, scope)
        for output in document.outputs:
            self._judge.output(output, scope)

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

    def _step(self, step: StepDoc, scope: Scope) -> Scope:
        """The scope behind the step."""
        outer = replace(scope, step=step, own=None, result=None)
        doubts = (*outer.doubts, *_doubts(step))
        if step.kind == "unsupported":
            return self._ended(step, {}, scope, doubts)
        self._judge.texts([step.title], outer)
        if step.when is not None:
            self._judge.expression(step.when, outer, BOOL)
            outer = replace(outer, asserted=outer.asserted | asserts(step.when.cel))
        outer = self._preconditions(step, outer)
        inner = self._loop(step, outer)
        scope = self._children(step, replace(inner, doubts=doubts), scope)
        self._action(step, outer, inner)
        behind = replace(outer, ended=scope.ended, doubts=doubts)
        outputs = self._outputs(step, behind)
        self._after(step, replace(behind, own=outputs), replace(inner, own=outputs))
        return self._ended(step, outputs, scope, doubts)

    def _preconditions(self, step: StepDoc, outer: Scope) -> Scope:
        """The scope behind what is required before the step acts."""
        early = tuple(each for each in step.require if not is_checked_after(each, step.id))
        for each in early:
            self._require(each, outer)
        return replace(outer, asserted=outer.asserted | _asserted_by(early))

    def _ended(
        self, step: StepDoc, outputs: dict[str, Signature], scope: Scope, doubts: tuple[Doubt, ...]
    ) -> Scope:
        names = StepNames(step, outputs, scope.rounds, doubts, open=_is_open(step))
        self.names[step.id] = names
        asserted = scope.asserted if step.when is not None else scope.asserted | _asserted_by(step.require)
        return replace(scope, ended={**scope.ended, step.id: names}, asserted=asserted)

    def _loop(self, step: StepDoc, outer: Scope) -> Scope:
        """The scope of one round; the step's own scope when it has no loop."""
        if step.loop is None:
            return outer
        kind = self._judge.template(step.loop.items, outer, LIST, "in")
        return outer.with_loop(step.loop.name.text, element_of(kind) or DYN)

    def _children(self, step: StepDoc, inner: Scope, scope: Scope) -> Scope:
        if not step.steps:
            return scope
        rounds = (*inner.rounds, step.id) if step.loop is not None else inner.rounds
        behind = self._steps(step.steps, replace(inner, rounds=rounds))
        return replace(scope, ended=behind.ended)

    def _action(self, step: StepDoc, outer: Scope, inner: Scope) -> None:
        """What is settled before the step acts."""
        if step.wait is not None:
            self._judge.template(step.wait, outer, ONE_VALUE, "wait")
        self._call(step.call, inner)
        if step.poll is not None:
            self._judge.expression(step.poll.until, inner.with_result(_one_result(step)), BOOL)
        self._check(step.done, inner)
        approval = step.approval
        self._judge.texts([approval.confirm if approval else None, step.unattended, step.irreversible], outer)

    def _outputs(self, step: StepDoc, behind: Scope) -> dict[str, Signature]:
        scope = behind.with_result(_own_result(step))
        return {output.name.text: self._judge.output(output, scope) for output in step.outputs}

    def _after(self, step: StepDoc, behind: Scope, inner: Scope) -> None:
        """What may read the step's own outputs."""
        for each in step.require:
            if is_checked_after(each, step.id):
                self._require(each, behind.with_result(_own_result(step)))
        self._call(step.undo, inner.with_result(_one_result(step)))
        self._check(step.verify, behind)

    def _check(self, check: CheckDoc | None, scope: Scope) -> None:
        if check is None or check.poll is None:
            return
        self._call(check.call, scope)
        call = check.call
        if check.step is not None:
            repeated = scope.ended.get(check.step.text)
            call = repeated.step.call if repeated is not None else None
        self._judge.expression(check.poll.until, scope.with_result(result_of(call) or UNKNOWN_RESULT), BOOL)

    def _call(self, call: CallDoc | None, scope: Scope) -> None:
        if call is None:
            return
        schema = call.spec.params if call.spec is not None else {}
        wanted = Wanted(schema, schema.get("$defs"))
        for entry in call.all_params:
            self._judge.template(entry.value, scope, wanted.at(entry.name), entry.name)

    def _require(self, require: RequireDoc, scope: Scope) -> None:
        self._judge.expression(require.that, scope, BOOL)
        message = replace(scope, asserted=scope.asserted | asserts(require.that.cel))
        self._judge.texts([require.message], message)


def _inputs(document: Document) -> dict[str, Signature]:
    """The declared inputs; one whose schema was not understood exists too, as anything."""
    written = document.written.get("inputs")
    names = [entry.name for entry in written.entries] if isinstance(written, Mapping) else []
    known = {each.name.text: of_schema(plain(each.node)) for each in document.inputs}
    return {**dict.fromkeys(names, DYN), **known}


def _doubts(step: StepDoc) -> tuple[Doubt, ...]:
    found = []
    if step.when is not None:
        found.append(Doubt(step.id, step.when.cel))
    if step.on_failure == "continue":
        found.append(Doubt(step.id, None))
    return tuple(found)


def _asserted_by(requires: tuple[RequireDoc, ...]) -> frozenset[str]:
    return frozenset().union(*(asserts(each.that.cel) for each in requires))


def _is_open(step: StepDoc) -> bool:
    """Whether its outputs are not known: any name is let through then."""
    unknown_action = step.kind == "action" and (step.call is None or step.call.spec is None)
    return step.kind == "unsupported" or unknown_action or "outputs" in step.lost


def _one_result(step: StepDoc) -> ResultType | None:
    """`result` of one round."""
    if step.kind == "action" and step.call is None:
        return UNKNOWN_RESULT
    return result_of(step.call)


def _own_result(step: StepDoc) -> ResultType | None:
    """`result` in the step's outputs: of all rounds, when it is repeated."""
    if step.kind == "action" and step.call is None:
        return UNKNOWN_RESULT
    return result_of(step.call, rounds=step.loop is not None)
