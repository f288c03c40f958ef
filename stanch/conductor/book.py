"""The Plan of a run, to look things up in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from stanch.conductor.state import Node
from stanch.language.encode import plan_digest
from stanch.language.plan import Plan, Step, all_steps


class Book:
    """A Plan and those of its children, with their steps by id; made once a run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.plans: Mapping[str, Plan] = {**plan.children, plan.runbook: plan, "": plan}
        self._steps = {name: _by_id(held) for name, held in self.plans.items()}

    def step(self, node: Node) -> Step:
        return self._steps[node.runbook][node.step]

    def names(self, runbook: str) -> Iterable[str]:
        """Ids of the runbook's steps."""
        return self._steps[runbook]

    def root(self, runbook: str) -> Step:
        """A runbook as one step: what it requires, and its steps."""
        return self._steps[runbook][""]

    @cached_property
    def digest(self) -> str:
        return plan_digest(self.plan)


def _by_id(plan: Plan) -> dict[str, Step]:
    root = Step(id="", title=plan.title, steps=plan.steps, require=plan.require)
    return {"": root} | {step.id: step for step in all_steps(plan.steps)}
