"""The tree to a document: each part is fitted to its schema, and what fits is given its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stanch.language.catalogue import ActionSpec, Catalogue
from stanch.language.diagnostics import Report
from stanch.language.document import CallDoc, CheckDoc, Document, RevertDoc, StepDoc, StepKind
from stanch.language.effect import step_effect
from stanch.language.parts import (
    OF_STEP,
    child,
    fields,
    items,
    lacks_action,
    links,
    outputs,
    poll,
    requires,
    roles,
    scalar,
    text,
    triggers,
)
from stanch.language.plan import Json, RevertAt
from stanch.language.shapes import Shape, Shapes, shapes_of
from stanch.language.source import Source
from stanch.language.structure import Head, fit
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence, plain

MOST_STEPS = 500
"""Of one runbook, in all its blocks."""

_WITH_CALLS = ("done", "verify", "undo", "revert", "when")
"""Words inside of whose values calls stand."""
_NOTHING: frozenset[str] = frozenset()
_KINDS: tuple[tuple[str, StepKind], ...] = (
    ("steps", "block"),
    ("runbook", "child"),
    ("ask", "ask"),
    ("wait", "wait"),
)


def parse(source: Source, root: Node, catalogue: Catalogue, report: Report) -> Document | None:
    """The document of a tree, or None when it is nothing like one; what is wrong is in `report`."""
    if not isinstance(root, Mapping) or root.entry("runbook") is None:
        from stanch.language.foreign import START, other_file  # noqa: PLC0415 (only for errors)

        if (other := other_file(root)) is not None:
            report.add("RB203", root.span.first(1), f"this is {other}, and no runbook", START)
            return None
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
        self._zone = ""
        """Of the step that is being read."""

    def document(self, root: Mapping) -> Document:
        data = {entry.name: _outline(entry) for entry in root.entries}
        node, lost, _ = self._fit(root, data, self._shapes.top, "the runbook")
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
            lost=lost,
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
                twice = isinstance(item, Sequence)
                hint = "take one of the two `- ` away" if twice else "it begins with `id: NAME`"
                self._report.add("RB203", item.span, "a step is a mapping", hint)

    def _too_many(self, item: Node) -> None:
        if self._read == MOST_STEPS + 1:
            message = f"a runbook has at most {MOST_STEPS} steps; this one and the rest are not read"
            self._report.add("RB601", item.span.first(1), message, "make several runbooks of it")

    def _step(self, written: Mapping) -> StepDoc:
        data = self._step_data(written)
        node, lost, strange = self._fit(written, data, self._shapes.step, "this step")
        outer, self._zone = self._zone, text(node, "zone") or self._zone
        call = self._call(node, None)
        steps = node.get("steps")
        children = () if steps is None else tuple(self._steps(steps))
        parts: dict[str, Any] = {}  # by field of the document: a step has few of its thirty words
        for entry in node.entries:
            word = entry.name
            if (part := OF_STEP.get(word)) is not None:
                field, made_of = part
                parts[field] = made_of(entry)
            elif word in _WITH_CALLS:
                parts[word] = self._with_calls(word, entry, call, word in lost)
            elif word == "until":
                parts["poll"] = poll(node)
            elif word == "runbook":
                parts["child"] = child(node)
        self._zone = outer
        own_id = scalar(node, "id")
        kind = self._kind(node, lost, strange or call is not None)
        return StepDoc(
            node=node,
            kind=kind,
            effect=step_effect(kind, call, parts.get("said_effect"), lost),
            id="" if own_id is None else own_id.text,
            named=own_id or _head(written),
            call=call,
            steps=children,
            lost=lost,
            **parts,
        )

    def _fit(
        self, node: Mapping, data: Json, shape: Shape, name: str, place: Node | None = None
    ) -> tuple[Mapping, frozenset[str], bool]:
        """What is left of the mapping, the words that were lost, and whether an action is among them.

        `place` is where to point when something in it is missing: its first key when None. Nearly always all
        of it fits; then nothing more is made of it.
        """
        if shape.accepts(data):
            return node, _NOTHING, False
        fitted = fit(node, data, shape, Head(name, place or _head(node)), self._report)
        return fitted.node, fitted.lost, fitted.strange

    def _step_data(self, node: Mapping) -> dict[str, Json]:
        """The step as data, without what is checked elsewhere: the steps and the calls inside it."""
        return {
            entry.name: held.value if isinstance(held := entry.value, Scalar) else self._entry_data(entry)
            for entry in node.entries
        }

    def _entry_data(self, entry: Entry) -> Json:
        if isinstance(entry.value, Mapping):
            if entry.name in self._actions:
                return {}
            if entry.name in _WITH_CALLS:
                return self._step_data(entry.value)
        return _outline(entry)

    def _kind(self, node: Mapping, lost: frozenset[str], acts: bool) -> StepKind:
        if acts or not self._actions.keys().isdisjoint(lost):
            return "action"
        if lost and any(word in lost and not node.entry(word) for word, _ in _KINDS):
            return "broken"
        for word, kind in _KINDS:
            if node.entry(word) is not None:
                return kind
        return "broken" if lacks_action(node) else "compute"

    def _call(self, node: Mapping, own: CallDoc | None) -> CallDoc | None:
        """The call among the words of a step, a `done`, a `verify` or an `undo`."""
        for found in node.entries:
            if found.name in self._actions:
                break
        else:
            return None
        params = found.value
        if not isinstance(params, Mapping):
            return None
        spec, word = self._actions[found.name], found.key
        script = node.entry("script")
        inherited = _inherited(spec, params, own)
        given = params
        if inherited or script is not None:
            beside = () if script is None else (script,)
            entries = (*inherited, *params.entries, *beside)
            given = Mapping(entries, params.at, params.flow, params.start, params.end)
        shape = self._shapes.params[spec.name]
        fitted, lost, _ = self._fit(given, plain(given), shape, f"`{spec.name}`", word)
        kept = fitted.entries
        if inherited:
            names = {entry.name for entry in inherited}
            kept = tuple(entry for entry in kept if entry.name not in names)
        one = own.one if inherited and own is not None else _names_one(spec, params)
        return CallDoc(spec.name, word, spec, kept, inherited, one, lost, self._zone)

    def _with_calls(
        self, word: str, entry: Entry, own: CallDoc | None, broken: bool
    ) -> CallDoc | CheckDoc | RevertDoc | None:
        """What stands behind one of the words inside of which calls stand; `own` is the step's call."""
        if word == "revert":
            return self._revert(entry, own, broken)
        if word == "undo":
            return self._call(entry.value, own) if isinstance(entry.value, Mapping) else None
        return self._check(entry, own, broken)

    def _check(self, entry: Entry | None, own: CallDoc | None, broken: bool) -> CheckDoc | None:
        if entry is None or not isinstance(entry.value, Mapping):
            return None
        inner = entry.value
        call = self._call(inner, own)
        says_read = inner.entry("effect") is not None
        after = scalar(inner, "after") if entry.name == "verify" else None
        return CheckDoc(entry.key, call, scalar(inner, "step"), poll(inner), broken, says_read, after)

    def _revert(self, entry: Entry, own: CallDoc | None, broken: bool) -> RevertDoc | None:
        key, value = entry.key, entry.value
        if isinstance(value, Scalar):
            return RevertDoc(key, "end_of_block" if value.text == "end_of_block" else "end_of_run")
        if not isinstance(value, Mapping):
            return None
        at: RevertAt = "ask" if value.entry("ask") else "when" if value.entry("when") else "after"
        asked = value.get("ask") or value.get("approval")
        return RevertDoc(
            word=key,
            at=at,
            after=scalar(value, "after"),
            when=self._check(value.entry("when"), own, broken),
            not_before=scalar(value, "not_before"),
            at_most=scalar(value, "at_most"),
            roles=None if asked is None else roles(asked),
        )


def _head(node: Mapping) -> Node:
    return node.entries[0].key if node.entries else node


def _inherited(spec: ActionSpec, params: Mapping, own: CallDoc | None) -> tuple[Entry, ...]:
    """The step's targets, for a call of the same action that names none."""
    if own is None or own.action != spec.name or spec.targets is None or params.entry(spec.targets):
        return ()
    return tuple(entry for entry in own.all_params if entry.name == spec.targets)


def _names_one(spec: ActionSpec, params: Mapping) -> bool:
    targets = params.get(spec.targets) if spec.targets is not None and spec.per_target else None
    if isinstance(targets, Scalar):
        return spec.one_by_name
    return isinstance(targets, Sequence) and len(targets.items) == 1


def _outline(entry: Entry) -> Json:
    """The value as data; of a list of steps only how many there are, since each is checked by itself."""
    if entry.name == "steps" and isinstance(entry.value, Sequence):
        return [{}] * len(entry.value.items)
    return plain(entry.value)
