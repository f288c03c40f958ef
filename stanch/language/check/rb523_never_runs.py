"""RB523: a step that can never run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stanch.language.check.conditions import conflict, constant, facts, may_contradict_itself, subjects
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import Expression, RequireDoc, StepDoc
from stanch.language.guards import is_checked_after
from stanch.language.place import locate
from stanch.language.source import Span

_CHANGING = ("run.", "result.")
"""What a condition says of these may be different a moment later."""


def check(context: Context) -> Iterator[Diagnostic]:
    walk = _Walk(context)
    yield from walk.required(context.document.require, context.document.steps)
    yield from walk.steps(context.document.steps)


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A condition that holds from here on."""

    condition: Expression
    says: str


class _Walk:
    """Goes through the steps in order and knows what holds when each of them is reached."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._held: dict[str, list[_Known]] = {}
        """By what they speak of."""
        self._learnt: list[str] = []
        """What `_held` was told, in order, so that the end of a block can take it away."""

    def steps(self, steps: tuple[StepDoc, ...]) -> Iterator[Diagnostic]:
        for at, step in enumerate(steps):
            if step.when is None and not step.require and not step.steps:
                continue  # nothing to learn: most steps
            before = len(self._learnt)
            if step.when is not None:
                if (found := self._never(step, step.when)) is not None:
                    yield found
                    continue
                self._learn(step.when, f"`{step.id}` runs only then")
            if step.steps:
                yield from self.steps(step.steps)
            if step.require:
                early = (each for each in step.require if not is_checked_after(each, step.id))
                late = (each for each in step.require if constant(each.that.cel) is False)
                yield from self.required(tuple(dict.fromkeys((*early, *late))), steps[at + 1 : at + 2])
            if step.when is not None or step.loop is not None:
                self._forget(before)
            else:
                for each in step.require:
                    self._learn(each.that, f"`{step.id}` requires this")

    def required(self, requires: tuple[RequireDoc, ...], behind: tuple[StepDoc, ...]) -> Iterator[Diagnostic]:
        """A precondition that never holds: the run is refused there each time."""
        for each in requires:
            found = self._against(each.that)
            if found is not None or constant(each.that.cel) is False:
                rest = f"step `{behind[0].id}` can never run" if behind else "no run gets past it"
                related = () if found is None else self._related(found[1])
                span = self._span(each.that)
                message = f"this is never true, so {rest}"
                yield self._context.diagnostic("RB523", span, message, None, related)

    def _never(self, step: StepDoc, when: Expression) -> Diagnostic | None:
        if constant(when.cel) is False:
            message = f"step `{step.id}` never runs: its `when` is always false"
            return self._context.diagnostic(
                "RB523", self._span(when), message, "delete the step, or the `when`"
            )
        if (found := self._against(when)) is None:
            return None
        subject, other = found
        why = "contradicts itself" if other is None else "contradicts what is known here"
        message = f"step `{step.id}` never runs: its `when` {why} about `{subject}`"
        return self._context.diagnostic("RB523", self._span(when), message, None, self._related(other))

    def _against(self, condition: Expression) -> tuple[str, _Known | None] | None:
        """Of what the condition says something else than what holds already, and what that is."""
        held = [known for subject in sorted(subjects(condition.cel)) for known in self._held.get(subject, ())]
        if not held and not ("&&" in condition.cel and may_contradict_itself(condition.cel)):
            return None
        said = facts(condition.cel)
        if (subject := conflict(said)) is not None:
            return subject, None
        about = {fact.subject for fact in said if not fact.subject.startswith(_CHANGING)}
        for known in held:
            other = [fact for fact in facts(known.condition.cel) if fact.subject in about]
            if (subject := conflict((*other, *said))) is not None:
                return subject, known
        return None

    def _learn(self, condition: Expression, says: str) -> None:
        known = _Known(condition, says)
        for subject in subjects(condition.cel):
            self._held.setdefault(subject, []).append(known)
            self._learnt.append(subject)

    def _forget(self, before: int) -> None:
        """All that was learnt since there were `before`."""
        while len(self._learnt) > before:
            self._held[self._learnt.pop()].pop()

    def _related(self, known: _Known | None) -> tuple[Related, ...]:
        return () if known is None else (Related(self._span(known.condition), known.says),)

    def _span(self, expression: Expression) -> Span:
        offset, scalar = expression.offset, expression.scalar
        return locate(self._context.document.source, scalar, offset, offset + len(expression.cel))
