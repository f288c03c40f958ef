"""The ways that a run of a runbook can go: what rehearsals should try."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from stanch.language.plan import Plan, Require, Step

Word: TypeAlias = Literal[
    "", "approval", "findings", "for_each", "on_failure", "require", "undo", "verify", "when"
]
_LONGEST = 60
"""Characters of an expression or a text that are shown."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to go."""

    runbook: str
    step: str
    """Its id; empty for what the runbook as a whole says."""
    word: Word = ""
    """The word of the language that it hangs on; empty for that the step runs at all."""
    at: int = 0
    """Which of several `require` or `findings` it is."""


@dataclass(frozen=True, slots=True)
class Way:
    branch: Branch
    missing: str
    """What is said when no rehearsal goes there."""
    around: tuple[str, ...] = ()
    """Ids of the blocks that the step is in."""


def ways(plan: Plan) -> Iterator[Way]:
    """Every branch of a runbook in document order, without those of the runbooks that it calls."""
    for at, require in enumerate(plan.require):
        yield Way(Branch(plan.runbook, "", "require", at), _never_refused("the runbook", require))
    yield from _of_steps(plan.runbook, plan.steps, (), replaced=False)


def _of_steps(
    runbook: str, steps: Sequence[Step], around: tuple[str, ...], *, replaced: bool
) -> Iterator[Way]:
    """`replaced` says that a block around has a way back of its own, which takes the place of its steps'."""
    for step in steps:
        for word, at, missing in _of_step(step):
            if word != "undo" or not replaced:
                yield Way(Branch(runbook, step.id, word, at), missing, around)
        own = step.undo is not None and step.call is None
        yield from _of_steps(runbook, step.steps, (*around, step.id), replaced=replaced or own)


def _of_step(step: Step) -> Iterator[tuple[Word, int, str]]:
    name = f"`{step.id}`"
    yield "", 0, f"{name} never runs"
    if step.when is not None:
        yield "when", 0, f"{name} always runs: its `when` always holds"
    for at, require in enumerate(step.require):
        yield "require", at, _never_refused(name, require)
    if step.for_each is not None and step.for_each.empty_ok:
        yield "for_each", 0, f"{name} always has items, though it may have none"
    if step.approval is not None:
        yield "approval", 0, f"{name} is never denied"
    if step.effect == "change" or step.on_failure != "stop":
        yield "on_failure", 0, f"{name} never fails (`on_failure` is `{step.on_failure}`)"
    if step.verify is not None:
        yield "verify", 0, f"{name} always helps: its `verify` never fails"
    if step.undo is not None:
        yield "undo", 0, f"{name} is never taken back"
    for at, finding in enumerate(step.findings):
        yield "findings", at, f"{name} never says `{_short(finding.text)}` ({finding.verdict})"


def _never_refused(whose: str, require: Require) -> str:
    return f"{whose} is never refused: `{_short(require.that)}` always holds"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 3]}..."
