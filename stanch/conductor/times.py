"""Where a run's time goes: every second belongs to one of four accounts."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.state import Phase, State
from stanch.contract import Spent

_WORK = (Phase.ACTING, Phase.PAUSING, Phase.UNDOING, Phase.STOPPING)


def account(state: State, until: float) -> Spent:
    """`state.spent` with the time since its clock added to what the run was doing then."""
    passed = max(until - state.clock, 0.0)
    if not state.nodes or state.outcome is not None:
        return state.spent
    spent = state.spent
    phases = {node.phase for node in state.nodes.values()}
    if phases.intersection(_WORK):
        return replace(spent, automation=spent.automation + passed)
    if Phase.ASKING in phases:
        return replace(spent, waiting=spent.waiting + passed)
    if Phase.DOUBTING in phases:
        return replace(spent, in_doubt=spent.in_doubt + passed)
    if Phase.VERIFYING in phases:
        return replace(spent, soaking=spent.soaking + passed)
    return replace(spent, automation=spent.automation + passed)
