"""Whether a person has really given an order to the whole incident. Its runs check the same proof again."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.authority import trusting
from stanch.contract import IncidentView, Order, PublicKey
from stanch.proof import find, problem, spent

_FOR_EVER = 253_402_300_800.0
"""The year 10000: JSON, in which a state is handed on, has no infinity."""


def refusal(state: IncidentView, order: Order, at: float) -> str:
    """Why it is not believed that the person has said this; empty when it is. A proof by a key that is not
    known is worth as much as none."""
    if state.unsigned == "accept" and _key(state, order) is None:
        return ""
    if order.proof is None:
        return (
            "this incident takes nothing without a proof (`unsigned_decisions: refuse`): "
            "order it with `stanch` and your key (`stanch key new`), or through the gateway"
        )
    return problem(order, "", 0.0, keys=state.keys, used=state.used, at=at)


def taken(state: IncidentView, order: Order, at: float) -> IncidentView:
    """With the proof remembered, so that it is not taken twice."""
    key = _key(state, order)
    if key is None:
        return state
    used = {name: until for name, until in state.used.items() if until >= at}
    new = {name: min(until, _FOR_EVER) for name, until in spent(key, order).items()}
    return replace(state, used=used | new)


def not_trusted(state: IncidentView, order: Order) -> str:
    """Why the signer of a `trust` cannot let its key in; empty when they can."""
    return trusting.problem(order.key, _key(state, order), state.keys, "incident")


def mark(state: IncidentView, order: Order) -> str:
    """How the timeline says who it was."""
    key = _key(state, order)
    return f"verified, key {key.id}" if key else "unverified"


def _key(state: IncidentView, order: Order) -> PublicKey | None:
    return find(state.keys, order.proof.key) if order.proof else None
