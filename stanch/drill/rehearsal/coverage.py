"""Which branches rehearsals took, read from the states that their runs ended in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache

from stanch.conductor.state import Node, Phase
from stanch.drill.rehearsal.branches import Branch, Way, Word, ways
from stanch.drill.rehearsal.happened import workers
from stanch.drill.rehearsal.performance import Performance
from stanch.language.plan import Plan, Require, Step, all_steps
from stanch.language.template import Hole, split

_FAILED = frozenset({Phase.FAILED, Phase.IN_DOUBT})
_TROUBLE = frozenset({"failure", "in_doubt"})


def gaps(plan: Plan, taken: Collection[Branch]) -> list[Way]:
    """The branches that nobody took. Of a step that never runs only that is told, and nothing of what is
    inside of it."""
    missing = [way for way in ways(plan) if way.branch not in taken]
    idle = {way.branch.step for way in missing if way.branch.word == ""}
    return [
        way
        for way in missing
        if idle.isdisjoint(way.around) and (way.branch.word == "" or way.branch.step not in idle)
    ]


def taken_by(plan: Plan, came: Performance) -> frozenset[Branch]:
    """The branches that a run of `plan` took, in it and in the runbooks that it called."""
    return frozenset(_Reader(plan, came).branches())


class _Reader:
    def __init__(self, plan: Plan, came: Performance) -> None:
        self._came = came
        self._name = plan.runbook
        self._plans = {**plan.children, plan.runbook: plan}
        self._steps = {
            name: {step.id: step for step in all_steps(held.steps)} for name, held in self._plans.items()
        }
        self._worked = {node.path for node in workers(came)}
        self._told: dict[str, list[str]] = {}
        """By node: what the timeline says of its failures, its refusal and its ways back."""
        for moment in came.state.timeline:
            if moment.kind in ("failed", "step_failed", "step_in_doubt", "step_refused", "problem"):
                self._told.setdefault(moment.step, []).append(moment.text)

    def branches(self) -> Iterator[Branch]:
        for node in self._came.state.nodes.values():
            runbook = node.runbook or self._name
            if not node.path:
                if node.phase is Phase.REFUSED:
                    yield from self._refused(runbook, "", self._plans[runbook].require, [node.note])
                continue
            step = self._steps[runbook][node.step]
            for word in self._words(node, step):
                yield Branch(runbook, step.id, word)
            told = self._told.get(node.path, [])
            yield from self._refused(runbook, step.id, step.require, told)
            if step.child is not None and node.phase is Phase.REFUSED:
                called = self._plans[step.child.runbook]
                yield from self._refused(called.runbook, "", called.require, [node.note])
            yield from self._findings(node, step, runbook)

    def _words(self, node: Node, step: Step) -> Iterator[Word]:
        """What may be known of a node by its end, its questions and the timeline."""
        told = self._told.get(node.path, [])
        asked = [each for each in self._came.state.requests.values() if each.node == node.path]
        if node.path in self._worked:
            yield ""
        if node.phase is Phase.SKIPPED and node.note == f"`{step.when}` does not hold":
            yield "when"
        if node.phase is Phase.SKIPPED and node.note == "there are no items":
            yield "for_each"
        if any(each.request.kind == "approval" and not _approved(each.closed) for each in asked):
            yield "approval"
        failed = node.phase in _FAILED or any(each.request.kind in _TROUBLE for each in asked)
        if node.item is None and failed:
            yield "on_failure"
        if any(text.startswith("it did not help") for text in told):
            yield "verify"
        if node.path in self._came.undone or any(text.startswith("to be taken back") for text in told):
            yield "undo"

    def _refused(
        self, runbook: str, step: str, requires: Sequence[Require], told: Sequence[str]
    ) -> Iterator[Branch]:
        """Whose message it is that was told; of two that could be, the first, as in a run."""
        for text in told:
            at = next((at for at, each in enumerate(requires) if _says(each.message, text)), None)
            if at is not None:
                yield Branch(runbook, step, "require", at)

    def _findings(self, node: Node, step: Step, runbook: str) -> Iterator[Branch]:
        for found in self._came.state.found:
            if found.step != node.path:
                continue
            for at, each in enumerate(step.findings):
                if each.verdict == found.verdict and _says(each.text, found.text):
                    yield Branch(runbook, step.id, "findings", at)


def _approved(closed: str) -> bool:
    return closed.startswith("approve")


def _says(template: str, text: str) -> bool:
    """Whether `text` may be what `template` became: it has what stands around the `${{ }}`, in order."""
    first, *others = _literals(template)
    if not others:
        return text == first
    *middle, last = others
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for literal in middle:
        found = text.find(literal, at, end)
        if found < 0:
            return False
        at = found + len(literal)
    return True


@lru_cache(maxsize=1024)
def _literals(template: str) -> tuple[str, ...]:
    """What stands before, between and behind the `${{ }}` of a text."""
    found = [""]
    for part in split(template):
        if isinstance(part, Hole):
            found.append("")
        else:
            found[-1] += part
    return tuple(found)
