"""What every rule is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from stanch.language.annotate import Annotated
from stanch.language.diagnostics import CODES, Diagnostic, Related
from stanch.language.document import Document, StepDoc, walk
from stanch.language.judge import Use
from stanch.language.place import locate
from stanch.language.references import Reference
from stanch.language.source import Span


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    path: str
    document: Document
    annotated: Annotated
    today: date
    actions: frozenset[str]

    def steps(self) -> Iterator[StepDoc]:
        """Every step in the order of the file."""
        return walk(self.document.steps)

    def steps_in_blocks(self) -> Iterator[tuple[StepDoc, tuple[StepDoc, ...]]]:
        """Every step with the blocks around it, outermost first."""
        yield from _in_blocks(self.document.steps, ())

    def references(self) -> Iterator[tuple[Use, Reference]]:
        """Every name that an expression reads, once an expression."""
        for use in self.annotated.uses:
            seen = set()
            for reference in use.references:
                if reference.name not in seen:
                    seen.add(reference.name)
                    yield use, reference

    def place(self, use: Use, start: int, end: int) -> Span:
        """The span of a part of an expression."""
        offset = use.expression.offset
        return locate(self.document.source, use.expression.scalar, offset + start, offset + end)

    def name_place(self, use: Use, reference: Reference, parts: int) -> Span:
        """The span of the first `parts` names of a chain such as `steps.drain.pool`."""
        return self.place(use, reference.chain.start, reference.end_of(parts))

    def diagnostic(
        self, code: str, span: Span, message: str, hint: str | None = None, related: tuple[Related, ...] = ()
    ) -> Diagnostic:
        return Diagnostic(code, CODES[code].severity, message, self.path, span, related, hint)


def _in_blocks(
    steps: tuple[StepDoc, ...], blocks: tuple[StepDoc, ...]
) -> Iterator[tuple[StepDoc, tuple[StepDoc, ...]]]:
    for step in steps:
        yield step, blocks
        yield from _in_blocks(step.steps, (*blocks, step))


Rule: TypeAlias = Callable[[Context], Iterator[Diagnostic]]
