"""Whom a Plan may ask."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.plan import MANUAL, Plan, all_steps

IC = "incident_commander"


def asked_roles(plan: Plan) -> tuple[str, ...]:
    """Every role that a request of a run may be addressed to, children's included; names that only a value
    gives are not among them."""
    return tuple(dict.fromkeys(found for held in (plan, *plan.children.values()) for found in _roles(held)))


def _roles(plan: Plan) -> Iterator[str]:
    for step in all_steps(plan.steps):
        if step.approval is not None:
            yield from step.approval.roles
        if step.ask is not None:
            yield from step.ask.roles
        if step.call is not None and step.call.action == MANUAL:
            yield str(step.call.params.get("who", IC))
        if step.revert is not None:
            yield from step.revert.roles
        if step.on_failure == "ask":
            yield IC
