"""Where a run's time goes: every second belongs to one of four accounts."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.state import Phase, State
from stanch.contract import RunView, Spent

_WORK = (Phase.ACTING, Phase.PAUSING, Phase.UNDOING, Phase.STOPPING)


def account(state: State, until: float) -> Spent:
    """`state.spent` with the time since its clock added to what the run was doing then."""
    passed = max(until - state.clock, 0.0)
    if not state.nodes or state.outcome is not None:
        return state.spent
    spent = state.spent
    # What a pause or a hold keeps back waits for a person, and what a lease keeps back for another run,
    # whatever it was about to do.
    kept = {each.path for each in state.parked}
    phases = {state.nodes[path].phase for path in state.live if path not in kept}
    if phases.intersection(_WORK):
        return replace(spent, automation=spent.automation + passed)
    if Phase.ASKING in phases or state.paused or state.parked:
        return replace(spent, waiting=spent.waiting + passed)
    if Phase.DOUBTING in phases:
        return replace(spent, in_doubt=spent.in_doubt + passed)
    if Phase.VERIFYING in phases:
        return replace(spent, soaking=spent.soaking + passed)
    return replace(spent, automation=spent.automation + passed)


_ACCOUNTS = {
    "waiting": "waiting",
    "paused": "waiting",
    "on_hold": "waiting",
    "queuing": "waiting",
    "verifying": "soaking",
    "doubting": "in_doubt",
}
"""Phase of a run to where its time goes meanwhile; automation for every other."""


def spent_until(view: RunView, now: float) -> Spent:
    """`view.spent` up to `now`: a run that waits has no turns, so its own figures end with its last one."""
    if view.outcome is not None:
        return view.spent
    name = _ACCOUNTS.get(view.phase, "automation")
    return replace(view.spent, **{name: getattr(view.spent, name) + max(now - view.as_of, 0.0)})
