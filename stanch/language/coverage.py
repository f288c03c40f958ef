"""Which changes of a Plan nobody is asked about: what the runbook, started by itself, must not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.language.plan import MANUAL, Plan, Step


def uncovered(plan: Plan) -> tuple[str, ...]:
    """Steps that change something with no approval, of their own or around them, and no word why not.

    A step inside a child is named with the calls that lead to it: `replicas/out`. What a person does by hand
    needs no approval: that person gives it.
    """
    plans = {**plan.children, plan.runbook: plan}
    return tuple(dict.fromkeys(_inside(plan.steps, plans, "", frozenset({plan.runbook}))))


def _inside(
    steps: tuple[Step, ...], plans: Mapping[str, Plan], path: str, calling: frozenset[str]
) -> Iterator[str]:
    for step in steps:
        if step.approval is not None or step.unattended is not None:
            continue
        name = f"{path}{step.id}"
        if step.effect == "change" and step.call is not None and step.call.action != MANUAL:
            yield name
        yield from _inside(step.steps, plans, path, calling)
        if (child := step.child) is not None and child.runbook not in calling and child.runbook in plans:
            held = plans[child.runbook]
            yield from _inside(held.steps, plans, f"{name}/", calling | {child.runbook})
