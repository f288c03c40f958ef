"""RB525: a secret in the wrong place; `structure` says it where only another kind of value can stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc
from stanch.language.place import locate
from stanch.language.secret import FORM, is_reference, known_form, names_one, under_its_name
from stanch.language.template import OPEN
from stanch.language.tree import Mapping, Node, Scalar, Sequence, scalars

_REFERENCE = re.compile(r"\bsecret[\"']?\s*:")
_WITH_CALLS = frozenset({"done", "verify", "undo", "revert"})


def check(context: Context) -> Iterator[Diagnostic]:
    text = context.document.source.text
    if known_form(text) is not None:
        yield from _known(context)
    if names_one(text):
        yield from _named(context)
    places = [found.start() for found in _REFERENCE.finditer(text)] if "secret" in text else []
    if places:
        yield from _references(context, places)


def _known(context: Context) -> Iterator[Diagnostic]:
    for scalar in scalars(context.document.written):
        if (what := known_form(scalar.text)) is not None:
            yield _written_out(context, scalar, what)


def _named(context: Context) -> Iterator[Diagnostic]:
    """Passwords and tokens that the names of parameters give away."""
    for _, call in context.calls:
        for entry in call.params:
            for key, value in _texts(entry.name, entry.value):
                if (what := under_its_name(key, value)) is not None and known_form(value.text) is None:
                    yield _written_out(context, value, what)


def _written_out(context: Context, scalar: Scalar, what: str) -> Diagnostic:
    message = f"{what} is written out here, and everybody who may read the runbook has it"
    hint = f"change it where it is valid, and write {FORM}"
    return context.diagnostic("RB525", scalar.span, message, hint)


def _texts(name: str, node: Node) -> Iterator[tuple[str, Scalar]]:
    """Each text with the key that it stands under."""
    match node:
        case Scalar():
            yield name, node
        case Sequence():
            for item in node.items:
                yield from _texts(name, item)
        case Mapping():
            for entry in node.entries:
                yield from _texts(entry.name, entry.value)


def _references(context: Context, places: list[int]) -> Iterator[Diagnostic]:
    """`places` are where references may stand in the file; nearly always inside of an action's parameters."""
    for _, call in context.calls:
        for entry in call.params:
            held = [at for at in places if entry.value.start <= at < entry.value.end]
            if held:
                yield from _with_holes(context, entry.value)
                places = [at for at in places if at not in held]
    if not places:
        return
    for entry in context.document.node.entries:
        if entry.name != "steps":
            yield from _outside(context, entry.value, frozenset())
    for step in context.steps:
        yield from _beside_calls(context, step)


def _beside_calls(context: Context, step: StepDoc) -> Iterator[Diagnostic]:
    for entry in step.node.entries:
        if entry.name != "steps" and entry.name not in context.actions:
            skipped = context.actions if entry.name in _WITH_CALLS else frozenset()
            yield from _outside(context, entry.value, skipped)


def _outside(context: Context, node: Node, skipped: frozenset[str]) -> Iterator[Diagnostic]:
    """References where nothing resolves them: they can stand only among the parameters of an action."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _outside(context, item, skipped)
    elif isinstance(node, Mapping):
        if is_reference(node):
            message = "a secret cannot stand here: only the parameters of an action are given secrets"
            yield context.diagnostic("RB525", node.span, message, "refer to it where the action uses it")
            return
        for entry in node.entries:
            if entry.name not in skipped:
                yield from _outside(context, entry.value, skipped)


def _with_holes(context: Context, node: Node) -> Iterator[Diagnostic]:
    """References that an expression would have to complete."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _with_holes(context, item)
    elif isinstance(node, Mapping):
        name = node.get("secret")
        if is_reference(node) and isinstance(name, Scalar) and OPEN in name.text:
            at = name.text.find(OPEN)
            span = locate(context.document.source, name, at, at + len(OPEN))
            message = "data does not choose a secret: the reference stays as it is written"
            yield context.diagnostic("RB525", span, message, f"write it out: {FORM}")
            return
        for entry in node.entries:
            yield from _with_holes(context, entry.value)
