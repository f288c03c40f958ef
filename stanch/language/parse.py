"""The tree to a document: each part is fitted to its schema, and what fits is given its type."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.catalogue import ActionSpec, Catalogue
from stanch.language.diagnostics import Report
from stanch.language.document import (
    ApprovalDoc,
    CallDoc,
    CheckDoc,
    Document,
    Expression,
    InputDoc,
    LoopDoc,
    OutputDoc,
    PollDoc,
    RequireDoc,
    RetryDoc,
    SilenceDoc,
    StepDoc,
    StepKind,
    TriggerDoc,
)
from stanch.language.duration import parse_duration
from stanch.language.plan import Effect, Json, OnFailure
from stanch.language.shapes import Shapes, shapes_of
from stanch.language.source import Source, Span
from stanch.language.structure import Fitted, Head, fit
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence, plain
from stanch.language.words import UNSUPPORTED_KINDS

_CHECKS = ("done", "verify", "undo")


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
            runbook=_text(node, "runbook"),
            title=_text(node, "title"),
            kind=_text(node, "kind"),
            owner=_text(node, "owner"),
            reviewed=_scalar(node, "reviewed"),
            steps=tuple(self._steps(steps)),
            inputs=tuple(
                InputDoc(entry.key, entry.value)
                for entry in _entries(node.get("inputs"))
                if isinstance(entry.value, Mapping)
            ),
            triggers=tuple(_triggers(node.get("triggers"))),
            require=tuple(_requires(node.get("require"))),
            locks=tuple(item for item in _items(node.get("locks")) if isinstance(item, Scalar)),
            outputs=tuple(_outputs(node.get("outputs"))),
            links=tuple(_links(node.get("links"))),
            lost=frozenset(fitted.lost),
        )

    def _steps(self, node: Node | None) -> Iterator[StepDoc]:
        for item in _items(node):
            if isinstance(item, Mapping):
                yield self._step(item)
            else:
                self._report.add("RB203", item.span, "a step is a mapping", "it begins with `id: NAME`")

    def _step(self, written: Mapping) -> StepDoc:
        head = written.entries[0].key.span if written.entries else written.span
        for word in UNSUPPORTED_KINDS:
            if (entry := written.entry(word)) is not None:
                self._report.add("RB206", entry.key.span, f"`{word}` is not supported by this release")
                name = _scalar(written, "id")
                return StepDoc(written, "unsupported", *_named(name, head))
        fitted = fit(
            written, self._step_data(written), self._shapes.step, Head("this step", head), self._report
        )
        node = fitted.node
        call = self._call(node.entries, node.get("script"), None)
        own_name = _named(_scalar(node, "id"), head)
        children = tuple(self._steps(node.get("steps")))
        lost = set(fitted.lost)
        broken = frozenset(word for word in _CHECKS if word in lost)
        return StepDoc(
            node=node,
            kind=self._kind(node, fitted, call),
            id=own_name[0],
            name=own_name[1],
            title=_scalar(node, "title"),
            call=call,
            wait=_scalar(node, "wait"),
            steps=children,
            said_effect=_effect(node),
            when=_expression(node, "when"),
            require=tuple(_requires(node.get("require"))),
            loop=_loop(node),
            approval=_approval(node),
            unattended=_scalar(node, "unattended"),
            poll=_poll(node),
            done=self._check(node, "done", call, broken),
            undo=self._undo(node, call),
            verify=self._check(node, "verify", call, broken),
            irreversible=_scalar(node, "irreversible"),
            idempotent=_scalar(node, "idempotent") is not None,
            outputs=tuple(_outputs(node.get("outputs"))),
            on_failure=_on_failure(node),
            retry=_retry(node),
            timeout=_duration(node, "timeout"),
            lost=frozenset(lost),
        )

    def _step_data(self, node: Mapping) -> dict[str, Json]:
        """The step as data, without what is checked elsewhere: the steps and the calls inside it."""
        data: dict[str, Json] = {}
        for entry in node.entries:
            if entry.name in self._actions and isinstance(entry.value, Mapping):
                data[entry.name] = {}
            elif entry.name in _CHECKS and isinstance(entry.value, Mapping):
                data[entry.name] = self._step_data(entry.value)
            else:
                data[entry.name] = _outline(entry)
        return data

    def _kind(self, node: Mapping, fitted: Fitted, call: CallDoc | None) -> StepKind:
        if call is not None or fitted.strange or any(word in self._actions for word in fitted.lost):
            return "action"
        if "steps" in fitted.lost or "wait" in fitted.lost:
            return "unsupported"
        return "block" if node.entry("steps") else "wait" if node.entry("wait") else "compute"

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
        kept = tuple(entry for entry in fitted.node.entries if entry.name not in {e.name for e in inherited})
        one = own.one if inherited and own is not None else _names_one(spec, found.value)
        return CallDoc(spec.name, found.key.span, spec, kept, inherited, one)

    def _undo(self, node: Mapping, own: CallDoc | None) -> CallDoc | None:
        written = node.get("undo")
        if not isinstance(written, Mapping):
            return None
        return self._call(written.entries, written.get("script"), own)

    def _check(
        self, node: Mapping, word: str, own: CallDoc | None, broken: frozenset[str]
    ) -> CheckDoc | None:
        entry = node.entry(word)
        if entry is None or not isinstance(entry.value, Mapping):
            return None
        inner = entry.value
        call = self._call(inner.entries, inner.get("script"), own)
        step = _scalar(inner, "step")
        says_read = inner.entry("effect") is not None
        return CheckDoc(entry.key.span, call, step, _poll(inner), word in broken, says_read)


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


def _named(name: Scalar | None, head: Span) -> tuple[str, Span]:
    return ("", head) if name is None else (name.text, name.span)


def _scalar(node: Mapping, word: str) -> Scalar | None:
    value = node.get(word)
    return value if isinstance(value, Scalar) else None


def _text(node: Mapping, word: str) -> str:
    value = _scalar(node, word)
    return "" if value is None else value.text


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


def bare(scalar: Scalar) -> Expression:
    """The expression that a whole scalar is."""
    text = scalar.text.strip()
    return Expression(text, scalar, scalar.text.find(text) if text else 0)


def _expression(node: Mapping, word: str) -> Expression | None:
    value = _scalar(node, word)
    return None if value is None else bare(value)


def _duration(node: Mapping, word: str) -> float | None:
    value = _scalar(node, word)
    return None if value is None else parse_duration(value.text)


def _effect(node: Mapping) -> Effect | None:
    match _text(node, "effect"):
        case "read":
            return "read"
        case "change":
            return "change"
        case _:
            return None


def _on_failure(node: Mapping) -> OnFailure | None:
    match _text(node, "on_failure"):
        case "stop" | "continue" | "ask" | "undo" as word:
            return word
        case _:
            return None


def _poll(node: Mapping) -> PollDoc | None:
    entry = node.entry("until")
    if entry is None or not isinstance(entry.value, Scalar):
        return None
    return PollDoc(
        entry.key.span,
        bare(entry.value),
        every=_duration(node, "every"),
        within=_duration(node, "within"),
        stable=_duration(node, "stable"),
    )


def _requires(node: Node | None) -> Iterator[RequireDoc]:
    for item in _items(node):
        if isinstance(item, Mapping):
            that, message = _expression(item, "that"), _scalar(item, "else")
            if that is not None and message is not None:
                yield RequireDoc(that, message)


def _outputs(node: Node | None) -> Iterator[OutputDoc]:
    for entry in _entries(node):
        if isinstance(entry.value, Scalar):
            yield OutputDoc(entry.key, bare(entry.value))


def _links(node: Node | None) -> Iterator[tuple[Scalar, Scalar]]:
    for item in _items(node):
        if isinstance(item, Mapping):
            title, url = _scalar(item, "title"), _scalar(item, "url")
            if title is not None and url is not None:
                yield title, url


def _triggers(node: Node | None) -> Iterator[TriggerDoc]:
    for item in _items(node):
        if isinstance(item, Mapping) and (when := _expression(item, "when")) is not None:
            yield TriggerDoc(item, _text(item, "source"), when, _entries(item.get("inputs")))


def _retry(node: Mapping) -> RetryDoc | None:
    entry = node.entry("retry")
    if entry is None or not isinstance(entry.value, Mapping):
        return None
    return RetryDoc(entry.key.span, _integer(entry.value, "times", 1), _duration(entry.value, "every"))


def _integer(node: Mapping, word: str, default: int) -> int:
    value = _scalar(node, word)
    return value.value if value is not None and isinstance(value.value, int) else default


def _loop(node: Mapping) -> LoopDoc | None:
    entry = node.entry("for_each")
    if entry is None or not isinstance(entry.value, Mapping):
        return None
    inner = entry.value
    name, items = _scalar(inner, "as"), inner.get("in")
    if name is None or items is None:
        return None
    return LoopDoc(
        key=entry.key.span,
        name=name,
        items=items,
        batches=tuple(_batches(inner.get("batches"))),
        pause=_duration(inner, "pause") or 0.0,
        max_failures=_integer(inner, "max_failures", 0),
        empty_ok=inner.entry("empty") is not None,
    )


def _batches(node: Node | None) -> Iterator[int | str]:
    for item in _items(node):
        if isinstance(item, Scalar) and isinstance(item.value, int | str):
            yield item.value


def _approval(node: Mapping) -> ApprovalDoc | None:
    entry = node.entry("approval")
    match entry:
        case Entry(value=Scalar() as role):
            return ApprovalDoc(entry.key.span, (role.text,))
        case Entry(value=Mapping() as inner):
            return ApprovalDoc(
                entry.key.span,
                roles=_roles(inner.get("from")),
                confirm=_scalar(inner, "confirm"),
                quorum=_integer(inner, "quorum", 1),
                silence=_silence(inner.get("silence")),
            )
        case _:
            return None


def _roles(node: Node | None) -> tuple[str, ...]:
    if isinstance(node, Scalar):
        return (node.text,)
    return tuple(item.text for item in _items(node) if isinstance(item, Scalar))


def _silence(node: Node | None) -> SilenceDoc | None:
    if not isinstance(node, Mapping) or (after := _duration(node, "after")) is None:
        return None
    return SilenceDoc(after, "abort" if _text(node, "then") == "abort" else "deny")
