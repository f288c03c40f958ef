"""Whom a Plan may ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stanch.language.plan import MANUAL, Plan, all_steps
from stanch.language.template import OPEN

IC = "incident_commander"


def asked_roles(plan: Plan, known: Iterable[str] = ()) -> tuple[str, ...]:
    """Every role that a request of a run may be addressed to, children's included. Where only a value tells
    who is asked, it may be each of the `known` ones."""
    found = list(dict.fromkeys(name for held in (plan, *plan.children.values()) for name in _roles(held)))
    if any(OPEN in name for name in found):
        found += known
    return tuple(dict.fromkeys(name for name in found if OPEN not in name))


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
