"""How a rehearsal names a step: by its id, or `call/step` when it is inside of a runbook that is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stanch.conductor.state import Node
from stanch.language.evaluate import show
from stanch.language.plan import Json, Plan, Step, all_steps

_MOST = 2000
"""Names that are offered for one that does not exist."""


@dataclass(frozen=True, slots=True)
class Found:
    step: Step
    looped: bool
    """It, or something around it, is a loop: there is a round, with an item."""


def find_step(plan: Plan, name: str) -> Found | None:
    """The step that `name` means in a run of `plan`."""
    plans = {**plan.children, plan.runbook: plan}
    held: Plan | None = plan
    found: Found | None = None
    for part in name.split("/"):
        looped = found is not None and found.looped
        found = None if held is None else _find(held.steps, part, looped)
        held = plans.get(found.step.child.runbook) if found is not None and found.step.child else None
    return found


def _find(steps: Sequence[Step], name: str, looped: bool) -> Found | None:
    for step in steps:
        inside = looped or step.for_each is not None
        if step.id == name:
            return Found(step, inside)
        if (found := _find(step.steps, name, inside)) is not None:
            return found
    return None


def step_names(plan: Plan) -> list[str]:
    """Every name of a step in a run of `plan`; of a runbook that calls itself those of the first call."""
    plans = {**plan.children, plan.runbook: plan}
    return [name for _, name in zip(range(_MOST), _names(plan, plans, "", ()), strict=False)]


def _names(plan: Plan, plans: Mapping[str, Plan], head: str, calling: tuple[str, ...]) -> Iterator[str]:
    for step in all_steps(plan.steps):
        yield f"{head}{step.id}"
        child = step.child.runbook if step.child else ""
        if child in plans and child not in calling:
            yield from _names(plans[child], plans, f"{head}{step.id}/", (*calling, plan.runbook))


def name_of(nodes: Mapping[str, Node], node: Node) -> str:
    """The name of the step that `node` is an execution of."""
    frame = nodes[node.frame] if node.frame else None
    return node.step if frame is None else f"{name_of(nodes, frame)}/{node.step}"


def item_of(nodes: Mapping[str, Node], node: Node) -> Json:
    """The item, as text, of the innermost round that `node` is or is inside of; None outside of loops."""
    while node.item is None:
        if node.parent is None:
            return None
        node = nodes[node.parent]
    return show(nodes[node.parent or ""].items[node.item])
