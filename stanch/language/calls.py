"""Which runbooks a document calls or suggests, and what stands around each call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stanch.language.document import ChildDoc, Document, StepDoc, walk


@dataclass(frozen=True, slots=True, eq=False)
class CallSite:
    step: StepDoc
    child: ChildDoc
    covered: bool
    """It is said who approves what the child changes, or why nobody has to."""
    certain: bool
    """It is reached in every run: no `when` and no loop stands at it or around it."""

    @property
    def name(self) -> str:
        return self.child.runbook.text


def calls_of(document: Document) -> tuple[CallSite, ...]:
    """Every call of another runbook, in the order of the file."""
    if all(step.child is None for step in walk(document.steps)):
        return ()
    return tuple(_calls(document.steps, covered=False, certain=True))


def suggestions_of(document: Document) -> tuple[ChildDoc, ...]:
    """Every runbook that a finding suggests."""
    return tuple(
        finding.suggest
        for step in walk(document.steps)
        for finding in step.findings
        if finding.suggest is not None
    )


def covers(step: StepDoc) -> bool:
    """Whether the step, or a block, says who approves what is in it, or why nobody has to."""
    return step.says("approval") or step.says("unattended")


def open_changes(document: Document) -> tuple[StepDoc, ...]:
    """The steps that change something and say nothing about who approves it, nor does a block around them.

    What a person does by hand is approved by that person.
    """
    return tuple(_open(document.steps))


def _calls(steps: tuple[StepDoc, ...], *, covered: bool, certain: bool) -> Iterator[CallSite]:
    for step in steps:
        inside = covered or covers(step)
        always = certain and not (step.says("when") or step.says("for_each"))
        if step.child is not None:
            yield CallSite(step, step.child, inside, always)
        yield from _calls(step.steps, covered=inside, certain=always)


def _open(steps: tuple[StepDoc, ...]) -> Iterator[StepDoc]:
    for step in steps:
        if (step.effect != "change" and not step.steps) or covers(step):
            continue
        by_hand = step.call is not None and step.call.by_hand
        if step.effect == "change" and not by_hand:
            yield step
        if step.steps:
            yield from _open(step.steps)
