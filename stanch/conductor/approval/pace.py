"""How far and how fast what somebody approves would go: its loops, and what cannot begin at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stanch.errors import EvaluationError
from stanch.language.plan import Json, Step
from stanch.language.render.phrases import pace_words

_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Pace:
    """A loop that an approval covers."""

    step: Step
    path: str
    count: int | None
    """Its items; None while nobody knows."""
    most: int = 0
    """How many they are at most then; 0 is any number."""
    certain: bool = True
    """It will be gone through, and its failure will not be accepted."""

    def words(self, asked: str) -> str:
        """As people read it, in a question about the node `asked`."""
        told = pace_words(self.step, self.count, self.most)
        return told if self.path == asked else f"{self.step.title or self.step.id}: {told}"

    def data(self) -> dict[str, Json]:
        """For the digest."""
        loop = self.step.for_each
        assert loop is not None
        verify = self.step.verify
        return {
            "path": self.path,
            "count": self.count,
            "batches": list(loop.batches),
            "pause": loop.pause,
            "max_failures": loop.max_failures,
            "verified": verify is not None and (verify.each_batch or verify.each_round),
        }


def around_changes(loops: Sequence[Pace], changes: Sequence[str]) -> list[Pace]:
    """Those of the loops that one of the changes, by its path, is inside of."""
    inside = {path[: found.start()] for path in changes for found in re.finditer(r"\[", path)}
    return [each for each in loops if each.path in inside]


def told(loops: Sequence[Pace], asked: str) -> tuple[str, ...]:
    """The loops in words, for a question about the node `asked`; of very many that differ, the first."""
    lines = list(dict.fromkeys(each.words(asked) for each in loops))
    more = len(lines) - _MOST_TOLD
    return (*lines[:_MOST_TOLD], *([f"and {more} loops more, each with other counts"] if more > 0 else []))


def refuse_too_many(step: str, what: str, there: int, most: int) -> None:
    """An approval was given for at most so many. Raises EvaluationError."""
    if most and there > most:
        raise EvaluationError(f"`{step}` has {there} {what}, and its author allows {most} at most")


def no_targets(step: str) -> str:
    return f"`{step}` has no targets: its `hosts` is an empty list"


def no_items(step: str) -> str:
    return f"`for_each` of `{step}` has no items; write `empty: ok` if that is fine"
