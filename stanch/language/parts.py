"""The parts of a step, each from the piece of the tree that was fitted to its schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stanch.language.document import (
    ApprovalDoc,
    AskDoc,
    ChildDoc,
    Expression,
    FieldDoc,
    FindingDoc,
    LinkDoc,
    LoopDoc,
    OutputDoc,
    PollDoc,
    RequireDoc,
    RetryDoc,
    SilenceDoc,
    TriggerDoc,
)
from stanch.language.duration import parse_duration
from stanch.language.plan import Effect, OnFailure, Verdict
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence

_OF_ACTIONS = frozenset(
    {
        *("effect", "script", "until", "every", "within", "stable", "done", "verify", "undo", "revert"),
        *("irreversible", "idempotent", "retry", "keep", "maxItems", "timeout"),
    }
)
"""Words that only a step has that does something."""
_RESULT = re.compile(r"(?<![\w.\"'])result\s*[.\[]")


def lacks_action(node: Mapping) -> bool:
    """Whether the words of a step without an action are those of one that has an action."""
    if not any(node.entry(word) for word in ("outputs", "require", "findings")):
        return any(entry.name in _OF_ACTIONS for entry in node.entries)
    read = [entry.value for entry in entries(node.get("outputs"))]
    for word, inner in (("require", "that"), ("findings", "when")):
        read += [each.value for item in items(node.get(word)) for each in entries(item) if each.name == inner]
    return any(isinstance(each, Scalar) and _RESULT.search(each.text) for each in read)


def scalar(node: Mapping, word: str) -> Scalar | None:
    value = node.get(word)
    return value if isinstance(value, Scalar) else None


def text(node: Mapping, word: str) -> str:
    value = scalar(node, word)
    return "" if value is None else value.text


def items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


def bare(scalar: Scalar) -> Expression:
    """The expression that a whole scalar is."""
    text = scalar.text.strip()
    return Expression(text, scalar, scalar.text.find(text) if text else 0)


def expression(node: Mapping, word: str) -> Expression | None:
    value = scalar(node, word)
    return None if value is None else bare(value)


def duration(node: Mapping, word: str) -> float | None:
    value = scalar(node, word)
    return None if value is None else parse_duration(value.text)


def effect(entry: Entry) -> Effect | None:
    match entry.value:
        case Scalar(text="read" | "change" as word):
            return word
        case _:
            return None


def on_failure(entry: Entry) -> OnFailure | None:
    match entry.value:
        case Scalar(text="stop" | "continue" | "ask" | "undo" as word):
            return word
        case _:
            return None


def poll(node: Mapping) -> PollDoc | None:
    entry = node.entry("until")
    if entry is None or not isinstance(entry.value, Scalar):
        return None
    return PollDoc(
        entry.key,
        bare(entry.value),
        every=duration(node, "every"),
        within=duration(node, "within"),
        stable=duration(node, "stable"),
        worse=expression(node, "worse"),
    )


def requires(node: Node | None) -> Iterator[RequireDoc]:
    for item in items(node):
        if isinstance(item, Mapping):
            that, message = expression(item, "that"), scalar(item, "else")
            if that is not None and message is not None:
                yield RequireDoc(that, message)


def outputs(node: Node | None) -> Iterator[OutputDoc]:
    for entry in entries(node):
        if isinstance(entry.value, Scalar):
            yield OutputDoc(entry.key, bare(entry.value))


def links(node: Node | None) -> Iterator[LinkDoc]:
    for item in items(node):
        if isinstance(item, Mapping):
            title, url = scalar(item, "title"), scalar(item, "url")
            if title is not None and url is not None:
                yield LinkDoc(title, url)


def fields(node: Node | None) -> Iterator[FieldDoc]:
    for entry in entries(node):
        if isinstance(entry.value, Mapping):
            yield FieldDoc(entry.key, entry.value)


def ask(entry: Entry) -> AskDoc | None:
    if not isinstance(entry.value, Mapping):
        return None
    inner = entry.value
    return AskDoc(
        word=entry.key,
        roles=roles(inner.get("from")),
        fields=tuple(fields(inner.get("fields"))),
        show=scalar(inner, "show"),
        silence=silence(inner.get("silence")),
    )


def child(node: Node | None) -> ChildDoc | None:
    if not isinstance(node, Mapping) or (name := scalar(node, "runbook")) is None:
        return None
    return ChildDoc(name, entries(node.get("inputs")))


def findings(node: Node | None) -> Iterator[FindingDoc]:
    for item in items(node):
        if not isinstance(item, Mapping):
            continue
        when, kind, said = expression(item, "when"), verdict(item), scalar(item, "text")
        if when is not None and kind is not None and said is not None:
            yield FindingDoc(when, kind, said, child(item.get("suggest")))


def verdict(node: Mapping) -> Verdict | None:
    match text(node, "is"):
        case "confirmed" | "suspect" | "cleared" | "unknown" as word:
            return word
        case _:
            return None


def triggers(node: Node | None) -> Iterator[TriggerDoc]:
    for item in items(node):
        if isinstance(item, Mapping) and (when := expression(item, "when")) is not None:
            yield TriggerDoc(item, text(item, "source"), when, entries(item.get("inputs")))


def retry(entry: Entry) -> RetryDoc | None:
    if not isinstance(entry.value, Mapping):
        return None
    return RetryDoc(entry.key, integer(entry.value, "times") or 1, duration(entry.value, "every"))


def integer(node: Mapping, word: str) -> int | None:
    return whole(node.get(word))


def whole(node: Node | None) -> int | None:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, int) else None


def loop(entry: Entry) -> LoopDoc | None:
    if not isinstance(entry.value, Mapping):
        return None
    inner = entry.value
    name, items = scalar(inner, "as"), inner.get("in")
    if name is None or items is None:
        return None
    return LoopDoc(
        word=entry.key,
        name=name,
        items=items,
        parallel=inner.entry("parallel") is not None,
        max_items=integer(inner, "maxItems"),
        batches=tuple(batches(inner.get("batches"))),
        pause=duration(inner, "pause") or 0.0,
        max_failures=next(batches(inner.get("max_failures")), 0),
        empty_ok=inner.entry("empty") is not None,
    )


def batches(node: Node | None) -> Iterator[int | str]:
    """Numbers, or percentages: those in a list, or one that stands alone."""
    for item in (node,) if isinstance(node, Scalar) else items(node):
        if isinstance(item, Scalar) and isinstance(item.value, int | str):
            yield item.value


def approval(entry: Entry) -> ApprovalDoc | None:
    match entry.value:
        case Scalar() as role:
            return ApprovalDoc(entry.key, (role.text,))
        case Mapping() as inner:
            return ApprovalDoc(
                entry.key,
                roles=roles(inner.get("from")),
                any=scalar(inner, "any"),
                confirm=scalar(inner, "confirm"),
                quorum=scalar(inner, "quorum"),
                silence=silence(inner.get("silence")),
            )
        case _:
            return None


def roles(node: Node | None) -> tuple[str, ...]:
    if isinstance(node, Scalar):
        return (node.text,)
    return tuple(item.text for item in items(node) if isinstance(item, Scalar))


def silence(node: Node | None) -> SilenceDoc | None:
    if not isinstance(node, Mapping) or (after := duration(node, "after")) is None:
        return None
    return SilenceDoc(after, "abort" if text(node, "then") == "abort" else "deny")


def _scalar(entry: Entry) -> Scalar | None:
    return entry.value if isinstance(entry.value, Scalar) else None


def _expression(entry: Entry) -> Expression | None:
    return bare(entry.value) if isinstance(entry.value, Scalar) else None


def _duration(entry: Entry) -> float | None:
    return parse_duration(entry.value.text) if isinstance(entry.value, Scalar) else None


OF_STEP: dict[str, tuple[str, Callable[[Entry], object]]] = {
    "title": ("title", _scalar),
    "wait": ("wait", _scalar),
    "ask": ("ask", ask),
    "parallel": ("parallel", lambda _: True),
    "effect": ("said_effect", effect),
    "when": ("when", _expression),
    "require": ("require", lambda entry: tuple(requires(entry.value))),
    "for_each": ("loop", loop),
    "approval": ("approval", approval),
    "unattended": ("unattended", _scalar),
    "within": ("within", _duration),
    "maxItems": ("max_items", lambda entry: whole(entry.value)),
    "irreversible": ("irreversible", _scalar),
    "idempotent": ("idempotent", lambda entry: isinstance(entry.value, Scalar)),
    "outputs": ("outputs", lambda entry: tuple(outputs(entry.value))),
    "findings": ("findings", lambda entry: tuple(findings(entry.value))),
    "keep": ("keep", lambda entry: tuple(outputs(entry.value))),
    "links": ("links", lambda entry: tuple(links(entry.value))),
    "on_failure": ("on_failure", on_failure),
    "retry": ("retry", retry),
    "timeout": ("timeout", _duration),
}
"""By word the field of a step's document and what is made of the word's entry, where nothing else is needed.

A step has five of all these words, so they are gone through, instead of asking for each that there could be.
"""
