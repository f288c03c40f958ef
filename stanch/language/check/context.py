"""What every rule is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeAlias

from stanch.language.annotate import Annotated
from stanch.language.diagnostics import CODES, Diagnostic, Related
from stanch.language.document import CallDoc, Document, StepDoc
from stanch.language.interface import Interface
from stanch.language.judge import Use
from stanch.language.place import locate
from stanch.language.references import Reference, Status
from stanch.language.rounds import RoundRead, reads_rounds, round_reads
from stanch.language.source import Span

Blocks: TypeAlias = tuple[StepDoc, ...]
"""The blocks around a step, outermost first."""
_MOST_RELATED = 5


@dataclass(frozen=True, eq=False)
class Context:
    """A document with all that is known of it; what several rules ask for is worked out once."""

    path: str
    document: Document
    annotated: Annotated
    today: date
    actions: frozenset[str]
    interfaces: Mapping[str, Interface]
    """Of other runbooks by name, as far as they are known."""
    covered: bool = False
    """Those that call this runbook have to ask for what it changes."""
    private: bool = False
    """It is not the first runbook of its file, and called only from there."""

    @cached_property
    def steps_in_blocks(self) -> tuple[tuple[StepDoc, Blocks], ...]:
        """Every step in the order of the file, with the blocks around it."""
        return tuple(_in_blocks(self.document.steps, ()))

    @cached_property
    def steps(self) -> tuple[StepDoc, ...]:
        """Every step in the order of the file."""
        return tuple(step for step, _ in self.steps_in_blocks)

    @cached_property
    def calls(self) -> tuple[tuple[StepDoc, CallDoc], ...]:
        """Every call of an action, with the step in which it stands."""
        return tuple([(step, call) for step in self.steps for call in step.calls])

    @cached_property
    def blocks(self) -> Mapping[str, Blocks]:
        """By a step's id."""
        return {step.id: blocks for step, blocks in self.steps_in_blocks}

    @cached_property
    def references(self) -> tuple[tuple[Use, Reference], ...]:
        """Every name that an expression reads, once an expression."""
        found = []
        for use in self.annotated.uses:
            if len(use.references) == 1:
                found.append((use, use.references[0]))  # most of them
                continue
            first: dict[str, Reference] = {}
            for reference in use.references:
                first.setdefault(reference.name, reference)
            found += [(use, reference) for reference in first.values()]
        return tuple(found)

    @cached_property
    def rounds_read(self) -> tuple[tuple[Use, RoundRead], ...]:
        """Each field that is read of a round of a loop, with the expression."""
        if "results" not in self.document.source.text:
            return ()
        uses = (use for use in self.annotated.uses if not use.broken and reads_rounds(use.cel, use.scope))
        return tuple((use, read) for use in uses for read in round_reads(use.cel, use.scope))

    @cached_property
    def names_read(self) -> frozenset[str]:
        """Those names: `inputs.x`, `steps.y.z`."""
        return frozenset(reference.name for _, reference in self.references)

    @cached_property
    def wrong_references(self) -> tuple[tuple[Use, Reference], ...]:
        """Those of them that something is wrong with: in most files none."""
        return tuple(pair for pair in self.references if pair[1].status != "fine")

    def also(self, status: Status, name: str, parts: int) -> tuple[Related, ...]:
        """Where else the same wrong name stands: a name that is nowhere declared is one mistake."""
        others = self._wrong_names[status, name][1 : 1 + _MOST_RELATED]
        return tuple(Related(self.name_place(use, each, parts), "and here") for use, each in others)

    def first_wrong(self, status: Status) -> Iterator[tuple[Use, Reference]]:
        """Of wrong references with this status the first of each name."""
        return (places[0] for (found, _), places in self._wrong_names.items() if found == status)

    @cached_property
    def _wrong_names(self) -> Mapping[tuple[Status, str], list[tuple[Use, Reference]]]:
        found: dict[tuple[Status, str], list[tuple[Use, Reference]]] = {}
        for use, reference in self.wrong_references:
            found.setdefault((reference.status, reference.name), []).append((use, reference))
        return found

    @cached_property
    def hides_steps(self) -> bool:
        """Whether there are steps that nobody understood, so that a name may be that of one of them."""
        lost = (self.document.lost, *(step.lost for step in self.steps))
        return not all(step.id for step in self.steps) or any(
            not each.isdisjoint({"steps", "id"}) for each in lost
        )

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


def _in_blocks(steps: tuple[StepDoc, ...], blocks: Blocks) -> Iterator[tuple[StepDoc, Blocks]]:
    for step in steps:
        yield step, blocks
        yield from _in_blocks(step.steps, (*blocks, step))


Rule: TypeAlias = Callable[[Context], Iterator[Diagnostic]]
