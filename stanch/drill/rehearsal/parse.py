"""Text to rehearsals. What does not fit `schemas/drill.v1.json` is a diagnostic at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stanch.contract import IncidentRef, Order
from stanch.drill.rehearsal.document import (
    DEFAULT_CLOCK,
    STARTER,
    Answer,
    Answers,
    Ordered,
    Rehearsal,
    Reported,
    Stop,
)
from stanch.drill.scripted.given import Ending, Given, Look, Take
from stanch.language import tree
from stanch.language.diagnostics import Diagnostic, Report, in_order
from stanch.language.duration import parse_duration
from stanch.language.parts import entries, items, scalar, text
from stanch.language.people import IC
from stanch.language.plan import Json
from stanch.language.read import read_all
from stanch.language.shapes import Shape
from stanch.language.source import Span
from stanch.language.structure import Head, fit
from stanch.language.tree import plain

REASON = "as rehearsed"
"""What a person says who has to give a reason and has none in the script."""
ENDINGS: tuple[Ending, ...] = ("fails", "unreachable", "lost")
LOOK_WORDS = frozenset({"result", "takes", "targets", *ENDINGS})
TAKE_WORDS = LOOK_WORDS | {"already", "before", "done", "verify", "undo", "items"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file. A rehearsal is there as far as it was understood; with an error it cannot be run."""

    text: str
    rehearsals: tuple[tuple[Rehearsal, Report], ...]
    """Each with what was found in it, to which others may add."""
    report: Report
    """What is wrong with the file, and with documents that are no rehearsals."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return in_order([*self.report.found, *(each for _, own in self.rehearsals for each in own.found)])


def parse_rehearsals(path: str, content: bytes, shape: Shape) -> Parsed:
    """Every rehearsal in the file `content` that stands at `path`; `shape` is that of `drill.v1.json`.

    Never raises for what is in the file: whatever is wrong with it is a diagnostic.
    """
    report = Report(path)
    source, roots = read_all(path, content, report)
    found = []
    for root in roots:
        own = Report(path)
        rehearsal = _rehearsal(path, root, shape, own)
        if rehearsal is None:
            report.found += own.found
        else:
            found.append((rehearsal, own))
    return Parsed(source.text, tuple(found), report)


def _rehearsal(path: str, root: tree.Node, shape: Shape, report: Report) -> Rehearsal | None:
    if not isinstance(root, tree.Mapping):
        report.add("RB203", root.span, "a rehearsal is a mapping", "it begins with `rehearsal: NAME`")
        return None
    first = root.entries[0].key.span if root.entries else root.span
    node = fit(root, plain(root), shape, Head("the rehearsal", first), report).node
    name, runbook, expect = scalar(node, "rehearsal"), scalar(node, "runbook"), node.get("expect")
    if name is None or runbook is None or not isinstance(expect, tree.Mapping):
        return None
    inputs = node.get("inputs")
    return Rehearsal(
        path=path,
        name=name,
        runbook=runbook,
        inputs=inputs if isinstance(inputs, tree.Mapping) else tree.Mapping((), name.span),
        expect=expect,
        title=text(node, "title"),
        given={entry.name: given(entry) for entry in entries(node.get("given"))},
        people={entry.name: _answers(entry) for entry in entries(node.get("people"))},
        abort=_stop(node.get("abort")),
        orders=tuple(_ordered(each) for each in _mappings(node.get("orders"))),
        alert=tuple(_reported(each) for each in _mappings(node.get("alert"))),
        **_beginning(node, report),
    )


def _beginning(node: tree.Mapping, report: Report) -> dict[str, Any]:
    """How the run is started, and when."""
    found: dict[str, Any] = {"started_by": text(node, "started_by") or STARTER}
    found |= {word: text(node, word) for word in ("severity", "mode") if node.entry(word)}
    if isinstance(of := node.get("incident"), tree.Mapping) and of.entry("id"):
        severity = found.get("severity", "SEV3")
        found["incident"] = IncidentRef(text(of, "id"), severity, text(of, "title"), text(of, "url"))
    found["clock"] = _clock(scalar(node, "clock"), report)
    return found


def _clock(written: tree.Scalar | None, report: Report) -> float:
    try:
        return datetime.fromisoformat(DEFAULT_CLOCK if written is None else written.text).timestamp()
    except ValueError as error:
        if written is not None:
            report.add("RB204", written.span, f"`clock` is no moment: {error}")
        return 0.0


def _stop(node: tree.Node | None) -> Stop | None:
    if not isinstance(node, tree.Mapping):
        return None
    return Stop(_seconds(node, "after"), text(node, "by") or IC, text(node, "because") or REASON)


def _ordered(node: tree.Mapping) -> Ordered:
    verb: Any = text(node, "order")
    refused = scalar(node, "refused")
    order = Order(
        verb,
        by=text(node, "by"),
        reason=text(node, "because") or REASON,
        step=text(node, "step"),
        inputs=_values(node.get("inputs")),
        role=text(node, "role") or (IC if verb == "handover" else ""),
        to=text(node, "to"),
        via="rehearsal",
    )
    return Ordered(_place(node), _seconds(node, "after"), order, None if refused is None else refused.text)


def _reported(node: tree.Mapping) -> Reported:
    return Reported(_seconds(node, "after"), "resolved" if text(node, "is") == "resolved" else "firing")


def _place(node: tree.Mapping) -> Span:
    return node.entries[0].key.span if node.entries else node.span


# --- what the outside gives -------------------------------------------------------------------------------


def given(entry: tree.Entry) -> Given:
    """What stands behind a step or an item: one mapping, or a list of them."""
    return Given(entry.key, tuple(_take(node) for node in _mappings(entry.value)))


def _take(node: tree.Mapping) -> Take:
    already, before = scalar(node, "already"), node.get("before")
    return Take(
        look=_look(node, TAKE_WORDS),
        already=already is not None and already.value is True,
        before=_look(before) if isinstance(before, tree.Mapping) else None,
        done=_looks(node.get("done")),
        verify=_looks(node.get("verify")),
        undo=_looks(node.get("undo")),
        items={each.name: given(each) for each in entries(node.get("items"))},
    )


def _looks(node: tree.Node | None) -> tuple[Look, ...]:
    return tuple(_look(each) for each in _mappings(node))


def _look(node: tree.Mapping, words: frozenset[str] = LOOK_WORDS) -> Look:
    ending = next((word for word in ENDINGS if node.entry(word)), None)
    own = tuple(entry for entry in node.entries if entry.name not in words)
    return Look(
        span=_place(node),
        fields=tree.Mapping(own, node.span, node.flow, node.start, node.end),
        whole=node.get("result"),
        takes=_seconds(node, "takes"),
        ending=ending,
        reason=text(node, ending) if ending else "",
        targets={
            each.name: _look(each.value)
            for each in entries(node.get("targets"))
            if isinstance(each.value, tree.Mapping)
        },
    )


def _mappings(node: tree.Node | None) -> Iterator[tree.Mapping]:
    for each in items(node) or (node,):
        if isinstance(each, tree.Mapping):
            yield each


def _seconds(node: tree.Mapping, word: str) -> float:
    value = scalar(node, word)
    return 0.0 if value is None else parse_duration(value.text)


# --- what people say --------------------------------------------------------------------------------------


def _answers(entry: tree.Entry) -> Answers:
    return Answers(entry.key, tuple(_answer(node) for node in items(entry.value) or (entry.value,)))


def _answer(node: tree.Node) -> Answer:
    if not isinstance(node, tree.Mapping):
        word = node.text if isinstance(node, tree.Scalar) else "silent"
        return Answer(node.span, None if word == "silent" else _CHOICES[word], REASON)
    word = next((word for word in (*_CHOICES, "silent") if node.entry(word)), "silent")
    confirm, refused = scalar(node, "confirm"), scalar(node, "refused")
    return Answer(
        span=_place(node),
        choice=_CHOICES.get(word),
        reason=REASON if word == "answer" else text(node, word),
        by=text(node, "by"),
        after=_seconds(node, "after"),
        values=_values(node.get("answer")),
        confirm=None if confirm is None else confirm.text,
        refused=None if refused is None else refused.text,
    )


_CHOICES: Mapping[str, Any] = {
    word: word for word in ("approve", "deny", "done", "fail", "retry", "skip", "undo", "abort", "answer")
}


def _values(node: tree.Node | None) -> dict[str, Json]:
    return plain(node) if isinstance(node, tree.Mapping) else {}
