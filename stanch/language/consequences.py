"""What is left out of what is said about a file with errors, as something else that is said is the cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from stanch.language.diagnostics import Diagnostic, is_error
from stanch.language.document import Document, StepDoc, walk
from stanch.language.layout import Diagnose
from stanch.language.relaid import missing_name
from stanch.language.source import Source, Span, split_lines

_FRESH = "an_id_that_nobody_has"


def without_consequences(
    source: Source, documents: Iterable[Document], found: Sequence[Diagnostic], diagnose: Diagnose
) -> tuple[Diagnostic, ...]:
    """`found`, in order, without what goes away with another mistake of it."""
    left = [*_without_targets(documents, found)]
    twins = [each for each in left if each.code == "RB208"]
    if len(twins) == 1 and twins[0].related:
        left = _without_readers(source, left, twins[0], diagnose)
    return tuple(left)


def _without_targets(documents: Iterable[Document], found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Calls inside of a step take its action's targets; where those are wrong, or there is no action, they
    have none, and nobody has forgotten them."""
    steps = [step for document in documents for step in walk(document.steps) if _has_no_targets(step)]
    spans = [step.node.span for step in steps]
    for each in found:
        if each.code != "RB202" or not any(span.line <= each.span.line <= span.end_line for span in spans):
            yield each


def _has_no_targets(step: StepDoc) -> bool:
    if step.kind == "broken":
        return not step.lost
    spec = step.call.spec if step.call is not None else None
    return step.call is not None and spec is not None and spec.targets in step.call.lost


def _without_readers(
    source: Source, found: list[Diagnostic], twin: Diagnostic, diagnose: Diagnose
) -> list[Diagnostic]:
    """Who reads a step of two with one id may mean the other one: only what is wrong with either is kept."""
    missed = missing_name(source.text)
    best: Sequence[Diagnostic] | None = None
    hint = "give one of them another id, and look who reads it"
    for name in (_FRESH,) if missed is None else (missed, _FRESH):
        for span in (twin.span, twin.related[0].span):
            left = diagnose(_renamed(source.text, span, name))
            if best is None or _errors(left) < _errors(best):
                best = left
                if name != _FRESH:
                    hint = f"`{name}` is read, and no step has that id: is it the one at line {span.line}?"
    stays = {(each.code, each.span.line) for each in best or ()}
    kept = (each for each in found if (each.code, each.span.line) in stays)
    return sorted([replace(twin, hint=hint), *kept], key=lambda each: each.place)


def _errors(found: Sequence[Diagnostic]) -> int:
    return sum(map(is_error, found))


def _renamed(text: str, span: Span, name: str) -> str:
    lines = split_lines(text)
    line = lines[span.line - 1]
    lines[span.line - 1] = line[: span.column - 1] + name + line[span.end_column - 1 :]
    return "\n".join(lines)
