"""The people of a rehearsal: what they say to an open question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanch.contract import Decision, Request
from stanch.drill.rehearsal.document import Answer, Answers
from stanch.language.people import IC


@dataclass(slots=True)
class People:
    """Remembers, for each step, how many of its answers have been given."""

    scripted: Mapping[str, Answers]
    said: dict[str, int] = field(default_factory=dict)

    def next(self, step: str) -> Answer | None:
        """What is said next when the step named `step` asks; None when nobody is in the script."""
        answers = self.scripted[step].answers if step in self.scripted else ()
        at = self.said.get(step, 0)
        self.said[step] = at + 1
        return answers[min(at, len(answers) - 1)] if answers else None

    def left(self, step: str) -> int:
        """How many answers are still to come; less than 0 when the last one was repeated."""
        held = len(self.scripted[step].answers) if step in self.scripted else 0
        return held - self.said.get(step, 0)

    def decision(self, answer: Answer, request: Request) -> Decision:
        assert answer.choice is not None
        return Decision(
            request=request.id,
            choice=answer.choice,
            by=answer.by or self._somebody(request),
            digest=request.digest,
            reason=answer.reason,
            confirm=request.confirm if answer.confirm is None else answer.confirm,
            via="rehearsal",
            values=answer.values,
        )

    def unheard(self) -> list[tuple[str, int, int]]:
        """Steps whose answers were not all given: how many were, and how many there are."""
        return [
            (name, self.said.get(name, 0), len(each.answers))
            for name, each in self.scripted.items()
            if self.left(name) > 0
        ]

    def _somebody(self, request: Request) -> str:
        """One who may answer, and has not: a person who holds the role, or else somebody called like it."""
        roles = request.roles or (IC,)
        known = request.holders or roles
        free = [person for person in known if person not in request.answers]
        return free[0] if free else f"{roles[0]} {len(request.answers) + 1}"
