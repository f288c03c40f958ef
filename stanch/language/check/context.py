"""What every rule is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TypeAlias

from stanch.language.annotate import Annotated
from stanch.language.diagnostics import CODES, Diagnostic, Related
from stanch.language.document import CallDoc, CheckDoc, Document, FieldDoc, PollDoc, StepDoc
from stanch.language.interface import Interface
from stanch.language.judge import Use
from stanch.language.place import locate
from stanch.language.references import Reference, Status
from stanch.language.rounds import RoundRead, reads_rounds, round_reads
from stanch.language.source import Span
from stanch.language.tree import Scalar

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
    def by_word(self) -> Mapping[str, list[StepDoc]]:
        """The steps in which a word stands, in order: most rules are about a few words, and most steps have
        none of them. It takes 0.03 ms for forty steps; a dozen rules that look into each of them take 0.2."""
        found: defaultdict[str, list[StepDoc]] = defaultdict(list)
        for step in self.steps:
            for word in step.node.by_name or [entry.name for entry in step.node.entries]:
                found[word].append(step)
        return found

    def saying(self, *words: str) -> Iterable[StepDoc]:
        """The steps in which one of `words` stands, each once."""
        by_word = self.by_word
        return dict.fromkeys([step for word in words if word in by_word for step in by_word[word]])

    @cached_property
    def answers(self) -> tuple[tuple[StepDoc, FieldDoc], ...]:
        """What people are asked for, with the steps that ask."""
        asking = self.by_word.get("ask", ())
        return tuple((step, each) for step in asking if step.ask is not None for each in step.ask.fields)

    @cached_property
    def given(self) -> tuple[tuple[StepDoc, Scalar], ...]:
        """The names of what steps give, their outputs and the answers of people, with the steps."""
        outputs = [(step, each.name) for step in self.by_word.get("outputs", ()) for each in step.outputs]
        return (*outputs, *((step, each.name) for step, each in self.answers))

    @cached_property
    def polls(self) -> tuple[tuple[StepDoc, PollDoc], ...]:
        """What is waited for, with the step that waits."""
        waiting = self.saying("until", "done", "verify", "revert")
        return tuple([(step, poll) for step in waiting for poll in step.polls])

    @cached_property
    def checks(self) -> tuple[tuple[StepDoc, str, CheckDoc], ...]:
        """The reads that ask the outside, each with its step and its word."""
        checking = self.saying("done", "verify", "revert")
        return tuple([(step, word, check) for step in checking for word, check in step.checks])

    @cached_property
    def blocks(self) -> Mapping[str, Blocks]:
        """By a step's id."""
        return {step.id: blocks for step, blocks in self.steps_in_blocks}

    @cached_property
    def rounds_read(self) -> tuple[tuple[Use, RoundRead], ...]:
        """Each field that is read of a round of a loop, with the expression."""
        if "results" not in self.document.source.text:
            return ()
        uses = (use for use in self.annotated.uses if not use.broken and reads_rounds(use.cel, use.scope))
        return tuple((use, read) for use in uses for read in round_reads(use.cel, use.scope))

    @cached_property
    def names_read(self) -> frozenset[str]:
        """Every name that an expression reads: `inputs.x`, `steps.y.z`."""
        return frozenset([each.name for use in self.annotated.uses for each in use.references])

    @cached_property
    def wrong_references(self) -> tuple[tuple[Use, Reference], ...]:
        """Those that something is wrong with, once an expression: in most files none."""
        found = []
        for use in self.annotated.uses:
            for reference in use.references:
                if reference.status != "fine":
                    break
            else:
                continue  # nearly all of them
            first: dict[str, Reference] = {}
            for reference in use.references:
                first.setdefault(reference.name, reference)
            found += [(use, reference) for reference in first.values() if reference.status != "fine"]
        return tuple(found)

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
        if step.steps:
            yield from _in_blocks(step.steps, (*blocks, step))


Rule: TypeAlias = Callable[[Context], Iterator[Diagnostic]]
