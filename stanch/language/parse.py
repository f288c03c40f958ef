"""The tree to a document: each part is fitted to its schema, and what fits is given its type."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.catalogue import ActionSpec, Catalogue
from stanch.language.diagnostics import Report
from stanch.language.document import CallDoc, CheckDoc, Document, RevertDoc, StepDoc, StepKind
from stanch.language.parts import (
    approval,
    ask,
    child,
    duration,
    effect,
    expression,
    fields,
    findings,
    integer,
    items,
    links,
    loop,
    named,
    on_failure,
    outputs,
    poll,
    requires,
    retry,
    roles,
    scalar,
    text,
    triggers,
)
from stanch.language.plan import Json, RevertAt
from stanch.language.shapes import Shapes, shapes_of
from stanch.language.source import Source
from stanch.language.structure import Fitted, Head, fit
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence, plain

MOST_STEPS = 500
"""Of one runbook, in all its blocks."""

_WITH_CALLS = ("done", "verify", "undo", "revert", "when")
"""Words inside of whose values calls stand."""
_KINDS: tuple[tuple[str, StepKind], ...] = (
    ("steps", "block"),
    ("runbook", "child"),
    ("ask", "ask"),
    ("wait", "wait"),
)


def parse(source: Source, root: Node, catalogue: Catalogue, report: Report) -> Document | None:
    """The document of a tree, or None when it is nothing like one; what is wrong is in `report`."""
    if not isinstance(root, Mapping):
        report.add("RB203", root.span, "a runbook is a mapping", "it begins with `runbook: NAME`")
        return None
    return _Parser(source, catalogue, report).document(root)


class _Parser:
    def __init__(self, source: Source, catalogue: Catalogue, report: Report) -> None:
        self._source = source
        self._actions = catalogue.actions
        self._shapes: Shapes = shapes_of(catalogue)
        self._report = report
        self._read = 0

    def document(self, root: Mapping) -> Document:
        first = root.entries[0].key.span if root.entries else root.span
        data = {entry.name: _outline(entry) for entry in root.entries}
        fitted = fit(root, data, self._shapes.top, Head("the runbook", first), self._report)
        node = fitted.node
        steps = node.get("steps")
        return Document(
            source=self._source,
            written=root,
            node=node,
            runbook=text(node, "runbook"),
            title=text(node, "title"),
            kind=text(node, "kind"),
            owner=text(node, "owner"),
            reviewed=scalar(node, "reviewed"),
            steps=tuple(self._steps(steps)),
            symptoms=text(node, "symptoms"),
            impact=text(node, "impact"),
            severities=tuple(item.text for item in items(node.get("severities")) if isinstance(item, Scalar)),
            inputs=tuple(fields(node.get("inputs"))),
            triggers=tuple(triggers(node.get("triggers"))),
            require=tuple(requires(node.get("require"))),
            locks=tuple(item for item in items(node.get("locks")) if isinstance(item, Scalar)),
            outputs=tuple(outputs(node.get("outputs"))),
            links=tuple(links(node.get("links"))),
            lost=frozenset(fitted.lost),
        )

    def _steps(self, node: Node | None) -> Iterator[StepDoc]:
        for item in items(node):
            self._read += 1
            if self._read > MOST_STEPS:
                self._too_many(item)
                return
            if isinstance(item, Mapping):
                yield self._step(item)
            else:
                self._report.add("RB203", item.span, "a step is a mapping", "it begins with `id: NAME`")

    def _too_many(self, item: Node) -> None:
        if self._read == MOST_STEPS + 1:
            message = f"a runbook has at most {MOST_STEPS} steps; this one and the rest are not read"
            self._report.add("RB601", item.span.first(1), message, "make several runbooks of it")

    def _step(self, written: Mapping) -> StepDoc:
        head = written.entries[0].key.span if written.entries else written.span
        fitted = fit(
            written, self._step_data(written), self._shapes.step, Head("this step", head), self._report
        )
        node, lost = fitted.node, fitted.lost
        call = self._call(node.entries, node.get("script"), None)
        own_name = named(scalar(node, "id"), head)
        children = tuple(self._steps(node.get("steps")))
        return StepDoc(
            node=node,
            kind=self._kind(node, fitted, call),
            id=own_name[0],
            name=own_name[1],
            title=scalar(node, "title"),
            call=call,
            wait=scalar(node, "wait"),
            ask=ask(node),
            child=child(node),
            steps=children,
            parallel=node.entry("parallel") is not None,
            said_effect=effect(node),
            when=expression(node, "when"),
            require=tuple(requires(node.get("require"))),
            loop=loop(node),
            approval=approval(node),
            unattended=scalar(node, "unattended"),
            poll=poll(node),
            within=duration(node, "within"),
            max_items=integer(node, "maxItems"),
            done=self._check(node, "done", call, "done" in lost),
            undo=self._undo(node, call),
            verify=self._check(node, "verify", call, "verify" in lost),
            irreversible=scalar(node, "irreversible"),
            idempotent=scalar(node, "idempotent") is not None,
            revert=self._revert(node, call, "revert" in lost),
            outputs=tuple(outputs(node.get("outputs"))),
            findings=tuple(findings(node.get("findings"))),
            keep=tuple(outputs(node.get("keep"))),
            links=tuple(links(node.get("links"))),
            on_failure=on_failure(node),
            retry=retry(node),
            timeout=duration(node, "timeout"),
            lost=lost,
        )

    def _step_data(self, node: Mapping) -> dict[str, Json]:
        """The step as data, without what is checked elsewhere: the steps and the calls inside it."""
        data: dict[str, Json] = {}
        for entry in node.entries:
            if entry.name in self._actions and isinstance(entry.value, Mapping):
                data[entry.name] = {}
            elif entry.name in _WITH_CALLS and isinstance(entry.value, Mapping):
                data[entry.name] = self._step_data(entry.value)
            else:
                data[entry.name] = _outline(entry)
        return data

    def _kind(self, node: Mapping, fitted: Fitted, call: CallDoc | None) -> StepKind:
        if call is not None or fitted.strange or (fitted.lost and any(word in self._actions for word in fitted.lost)):
            return "action"
        if fitted.lost and any(word in fitted.lost and not node.entry(word) for word, _ in _KINDS):
            return "broken"
        return next((kind for word, kind in _KINDS if node.entry(word)), "compute")

    def _call(self, entries: tuple[Entry, ...], script: Node | None, own: CallDoc | None) -> CallDoc | None:
        """The call among the words of a step, a `done`, a `verify` or an `undo`."""
        found = next((entry for entry in entries if entry.name in self._actions), None)
        if found is None or not isinstance(found.value, Mapping):
            return None
        spec = self._actions[found.name]
        beside = tuple(entry for entry in entries if entry.name == "script" and script is not None)
        inherited = _inherited(spec, found.value, own)
        params = (*found.value.entries, *beside)
        given = Mapping((*inherited, *params), found.value.span, found.value.flow)
        head = Head(f"`{spec.name}`", found.key.span)
        fitted = fit(given, plain(given), self._shapes.params[spec.name], head, self._report)
        kept = fitted.node.entries
        if inherited:
            names = {entry.name for entry in inherited}
            kept = tuple(entry for entry in kept if entry.name not in names)
        one = own.one if inherited and own is not None else _names_one(spec, found.value)
        return CallDoc(spec.name, found.key.span, spec, kept, inherited, one, fitted.lost)

    def _undo(self, node: Mapping, own: CallDoc | None) -> CallDoc | None:
        written = node.get("undo")
        if not isinstance(written, Mapping):
            return None
        return self._call(written.entries, written.get("script"), own)

    def _check(self, owner: Mapping, word: str, own: CallDoc | None, broken: bool) -> CheckDoc | None:
        entry = owner.entry(word)
        if entry is None or not isinstance(entry.value, Mapping):
            return None
        inner = entry.value
        call = self._call(inner.entries, inner.get("script"), own)
        says_read = inner.entry("effect") is not None
        return CheckDoc(entry.key.span, call, scalar(inner, "step"), poll(inner), broken, says_read)

    def _revert(self, node: Mapping, own: CallDoc | None, broken: bool) -> RevertDoc | None:
        entry = node.entry("revert")
        if entry is None:
            return None
        key, value = entry.key.span, entry.value
        if isinstance(value, Scalar):
            return RevertDoc(key, "end_of_block" if value.text == "end_of_block" else "end_of_run")
        if not isinstance(value, Mapping):
            return None
        at: RevertAt = "ask" if value.entry("ask") else "when" if value.entry("when") else "after"
        asked = value.get("ask") or value.get("approval")
        return RevertDoc(
            key=key,
            at=at,
            after=scalar(value, "after"),
            when=self._check(value, "when", own, broken),
            not_before=scalar(value, "not_before"),
            at_most=scalar(value, "at_most"),
            roles=None if asked is None else roles(asked),
        )


def _inherited(spec: ActionSpec, params: Mapping, own: CallDoc | None) -> tuple[Entry, ...]:
    """The step's targets, for a call of the same action that names none."""
    if own is None or own.action != spec.name or spec.targets is None or params.entry(spec.targets):
        return ()
    return tuple(entry for entry in own.all_params if entry.name == spec.targets)


def _names_one(spec: ActionSpec, params: Mapping) -> bool:
    targets = params.get(spec.targets) if spec.targets is not None and spec.per_target else None
    return isinstance(targets, Sequence) and len(targets.items) == 1


def _outline(entry: Entry) -> Json:
    """The value as data; of a list of steps only how many there are, since each is checked by itself."""
    if entry.name == "steps" and isinstance(entry.value, Sequence):
        return [{}] * len(entry.value.items)
    return plain(entry.value)
