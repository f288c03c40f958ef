"""RB532: a secret that others can read: on a command line, in an address, in the history of a run."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import CallDoc, FieldDoc
from stanch.language.place import locate
from stanch.language.plain_sight import in_command, in_script, in_url, places, shows
from stanch.language.secret import FORM, is_reference, known_form, under_its_name
from stanch.language.template import OPEN
from stanch.language.tree import Mapping, Node, Scalar, Sequence, scalars

_KEPT = re.compile(
    r"(?:.*[-_])?(?:password|passwd|passphrase|api[-_]?key|secret[-_]key|private[-_]key|(?:access|auth)[-_]token)",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?:.*[-_.])?(?:password|passwd|passphrase)", re.IGNORECASE)
_SEEN = {
    ("ssh", "env"): (
        "everybody on the host can read the variables of a command while it runs",
        "give the secret to `stdin`",
    ),
    ("http", "query"): (
        "an address stands in the logs of every server on its way",
        "give the secret to `headers` or `auth`",
    ),
}
"""Parameters that take a secret and do not hide it."""
_ELSEWHERE = (
    "give it to a parameter that hides it, such as `stdin` of `ssh` or `headers` of `http`, as " + FORM
)


def check(context: Context) -> Iterator[Diagnostic]:
    found = places(context.document.source.text)
    if not found:
        return
    yield from _asked_for(context)
    for step in context.steps:
        at = bisect_left(found, step.node.start)
        if at < len(found) and found[at] < step.node.end:
            for call in step.calls:
                yield from _call(context, call)
    links = [*context.document.links, *(link for step in context.steps for link in step.links)]
    for link in links:
        yield from _address(context, link.url)


def _asked_for(context: Context) -> Iterator[Diagnostic]:
    """Values that people and alerts give."""
    fields = [
        *context.document.inputs,
        *(each for step in context.steps if step.ask for each in step.ask.fields),
    ]
    for each in fields:
        if _is_text(each) and _KEPT.fullmatch(each.name.text) is not None:
            message = (
                f"the value of `{each.name.text}` is kept in the history of the run, where many can read it"
            )
            hint = f"write {FORM} where an action uses it; the worker looks it up"
            yield context.diagnostic("RB532", each.name.span, message, hint)


def _is_text(each: FieldDoc) -> bool:
    kind = each.node.get("type")
    return kind is None or (isinstance(kind, Scalar) and kind.text == "string")


def _call(context: Context, call: CallDoc) -> Iterator[Diagnostic]:
    for entry in call.params:
        if (seen := _SEEN.get((call.action, entry.name))) is not None:
            yield from _references(context, entry.value, *seen)
        if entry.name in ("run", "args", "script"):
            yield from _commands(context, entry.name, entry.value)
        else:
            yield from _passwords(context, entry.name, entry.value)
        if "://" in context.document.source.text[entry.value.start : entry.value.end]:
            for scalar in scalars(entry.value):
                yield from _address(context, scalar)


def _references(context: Context, node: Node, message: str, hint: str) -> Iterator[Diagnostic]:
    for entry in node.entries if isinstance(node, Mapping) else ():
        if is_reference(entry.value):
            yield context.diagnostic("RB532", entry.value.span, message, hint)


def _commands(context: Context, name: str, node: Node) -> Iterator[Diagnostic]:
    if isinstance(node, Sequence) and name == "run":
        words = [item.text if isinstance(item, Scalar) else "" for item in node.items]
        shown = dict(in_command(words))
        for at, item in enumerate(node.items):
            if at in shown and known_form(words[at]) is None:
                message = f"everybody on the host can read `{shown[at]}` of the command while it runs"
                yield context.diagnostic("RB532", item.span, message, _elsewhere(words[at]))
            elif isinstance(item, Scalar) and " " in item.text:
                yield from _script(context, item, arguments=False)  # a shell may be given it
    elif isinstance(node, Scalar):
        yield from _script(context, node, arguments=name == "args")
    elif isinstance(node, Mapping):
        yield from _passwords(context, name, node)


def _script(context: Context, node: Scalar, *, arguments: bool) -> Iterator[Diagnostic]:
    if known_form(node.text) is not None:
        return
    for start, end, flag in in_script(node.text, arguments=arguments):
        span = locate(context.document.source, node, start, end)
        message = f"`{flag}` is written out here, and everybody who may read the runbook has it"
        yield context.diagnostic("RB532", span, message, _elsewhere(node.text))


def _elsewhere(text: str) -> str:
    return _ELSEWHERE if OPEN in text else f"change it where it is valid, and {_ELSEWHERE}"


def _passwords(context: Context, name: str, node: Node) -> Iterator[Diagnostic]:
    """What is written out under the name of a password, and does not look like one (that is RB525)."""
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from _passwords(context, entry.name, entry.value)
    elif isinstance(node, Scalar) and isinstance(node.value, str) and _PASSWORD.fullmatch(name) is not None:
        plain = OPEN not in node.text and known_form(node.text) is None
        if plain and shows(node.text) and under_its_name(name, node) is None:
            message = f"`{name}` is written out here, and everybody who may read the runbook has it"
            hint = f"change it where it is valid, and write {FORM}"
            yield context.diagnostic("RB532", node.span, message, hint)


def _address(context: Context, scalar: Scalar) -> Iterator[Diagnostic]:
    if "=" not in scalar.text or known_form(scalar.text) is not None:
        return
    for start, end, name in in_url(scalar.text):
        span = locate(context.document.source, scalar, start, end)
        message = f"`{name}` is a part of an address, which every server on its way writes into its logs"
        yield context.diagnostic(
            "RB532", span, message, "give it to `headers` or `auth` of `http`, as " + FORM
        )
