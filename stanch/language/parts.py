"""The parts of a step, each from the piece of the tree that was fitted to its schema."""

from __future__ import annotations

from collections.abc import Iterator

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
from stanch.language.source import Span
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence


def named(name: Scalar | None, head: Span) -> tuple[str, Span]:
    return ("", head) if name is None else (name.text, name.span)


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


def effect(node: Mapping) -> Effect | None:
    match text(node, "effect"):
        case "read":
            return "read"
        case "change":
            return "change"
        case _:
            return None


def on_failure(node: Mapping) -> OnFailure | None:
    match text(node, "on_failure"):
        case "stop" | "continue" | "ask" | "undo" as word:
            return word
        case _:
            return None


def poll(node: Mapping) -> PollDoc | None:
    entry = node.entry("until")
    if entry is None or not isinstance(entry.value, Scalar):
        return None
    return PollDoc(
        entry.key.span,
        bare(entry.value),
        every=duration(node, "every"),
        within=duration(node, "within"),
        stable=duration(node, "stable"),
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


def ask(node: Mapping) -> AskDoc | None:
    entry = node.entry("ask")
    if entry is None or not isinstance(entry.value, Mapping):
        return None
    inner = entry.value
    return AskDoc(
        key=entry.key.span,
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


def retry(node: Mapping) -> RetryDoc | None:
    entry = node.entry("retry")
    if entry is None or not isinstance(entry.value, Mapping):
        return None
    return RetryDoc(entry.key.span, integer(entry.value, "times") or 1, duration(entry.value, "every"))


def integer(node: Mapping, word: str) -> int | None:
    value = scalar(node, word)
    return value.value if value is not None and isinstance(value.value, int) else None


def loop(node: Mapping) -> LoopDoc | None:
    entry = node.entry("for_each")
    if entry is None or not isinstance(entry.value, Mapping):
        return None
    inner = entry.value
    name, items = scalar(inner, "as"), inner.get("in")
    if name is None or items is None:
        return None
    return LoopDoc(
        key=entry.key.span,
        name=name,
        items=items,
        parallel=inner.entry("parallel") is not None,
        max_items=integer(inner, "maxItems"),
        batches=tuple(batches(inner.get("batches"))),
        pause=duration(inner, "pause") or 0.0,
        max_failures=integer(inner, "max_failures") or 0,
        empty_ok=inner.entry("empty") is not None,
    )


def batches(node: Node | None) -> Iterator[int | str]:
    for item in items(node):
        if isinstance(item, Scalar) and isinstance(item.value, int | str):
            yield item.value


def approval(node: Mapping) -> ApprovalDoc | None:
    entry = node.entry("approval")
    match entry:
        case Entry(value=Scalar() as role):
            return ApprovalDoc(entry.key.span, (role.text,))
        case Entry(value=Mapping() as inner):
            return ApprovalDoc(
                entry.key.span,
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
