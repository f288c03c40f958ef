"""RB409: a comparison with a value that can never be there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.tree import Sequence, plain
from stanch.language.words import did_you_mean, listed

_BUILT_IN = {
    "run.mode": ("live", "drill", "dry_run"),
    "run.severity": ("SEV1", "SEV2", "SEV3", "SEV4"),
    "run.incident.severity": ("SEV1", "SEV2", "SEV3", "SEV4"),
    "alert.status": ("firing", "resolved"),
}
_TEXT = r"\"[^\"\\]*\"|'[^'\\]*'"
_BEHIND = re.compile(rf"\s*(?:[!=]=\s*({_TEXT})\s*(?=$|[)&|?:,\]}}])|in\s*\[((?:\s*(?:{_TEXT})\s*,?)+)\])")
_BEFORE = re.compile(rf"(?:^|[(!&|?:,\[{{])\s*({_TEXT})\s*[!=]=\s*$")
_TEXTS = re.compile(_TEXT)


def check(context: Context) -> Iterator[Diagnostic]:
    choices = _choices(context)
    if context.names_read.isdisjoint(choices):
        return  # most files
    for use in context.annotated.uses:
        for reference in use.references:
            if (known := choices.get(reference.name)) is not None:
                yield from _compared(context, use, reference, known)


def _choices(context: Context) -> Mapping[str, tuple[str, ...]]:
    """Of every name whose values are written out, these values."""
    found = dict(_BUILT_IN)
    fields = [(f"inputs.{each.name.text}", each) for each in context.document.inputs]
    fields += [(f"steps.{step.id}.{each.name.text}", each) for step, each in context.answers]
    for name, each in fields:
        written = each.node.get("enum")
        values = plain(written) if isinstance(written, Sequence) else []
        if values and all(isinstance(value, str) for value in values):
            found[name] = tuple(values)
    return found


def _compared(
    context: Context, use: Use, reference: Reference, known: tuple[str, ...]
) -> Iterator[Diagnostic]:
    if len(reference.chain.parts) != reference.name.count(".") + 1:
        return  # something inside of it
    cel, start, end = use.cel, reference.chain.start, reference.chain.end
    behind, before = _BEHIND.match(cel, end), _BEFORE.search(cel[:start])
    texts = [(found.group(), found.start()) for found in _written(behind)]
    if before is not None:
        texts.append((before.group(1), before.start(1)))
    for text, at in texts:
        if (value := text[1:-1]) in known:
            continue
        message = f'`{reference.name}` is never "{value}": it is {listed(known, "or")}'
        span = context.place(use, at, at + len(text))
        yield context.diagnostic("RB409", span, message, did_you_mean(value, known))


def _written(behind: re.Match[str] | None) -> Iterator[re.Match[str]]:
    """The texts that stand behind `==`, `!=` or `in`."""
    if behind is not None:
        group = 1 if behind.group(1) is not None else 2
        yield from _TEXTS.finditer(behind.string, behind.start(group), behind.end(group))
