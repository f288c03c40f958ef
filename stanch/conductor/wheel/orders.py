"""Orders: what a person may say to a run at any moment, beside answering what it asks.

Each verb has a rule: when it makes sense, and what it does. Who may give which order is `may_order`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stanch.conductor.authority import handing, proving, trusting
from stanch.conductor.authority.may_order import may_order
from stanch.conductor.claims import breaking
from stanch.conductor.requests import ticking
from stanch.conductor.state import State
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import listening, pausing, skipping, steering
from stanch.contract import Order, Verb


@dataclass(frozen=True, slots=True)
class Rule:
    refusal: Callable[[State, Order], str]
    """Why it makes no sense now, in words for a tired person; empty when it does."""
    obey: Callable[[Turn, Order], None]
    needs_reason: bool = True


RULES: dict[Verb, Rule] = {
    "pause": Rule(pausing.pause_refusal, pausing.pause),
    "resume": Rule(pausing.resume_refusal, pausing.resume, needs_reason=False),
    "hold": Rule(pausing.hold_refusal, pausing.hold),
    "release": Rule(breaking.release_refusal, breaking.release, needs_reason=False),
    "break": Rule(breaking.refusal, breaking.obey),
    "skip": Rule(skipping.refusal, skipping.obey),
    "retry": Rule(steering.retry_refusal, steering.retry),
    "undo": Rule(steering.undo_refusal, steering.undo),
    "withdraw": Rule(steering.withdraw_refusal, steering.withdraw),
    "trust": Rule(trusting.refusal, trusting.obey, needs_reason=False),
    "handover": Rule(handing.handover_refusal, handing.hand_over),
    "severity": Rule(listening.severity_refusal, listening.change_severity),
    "tick": Rule(ticking.refusal, ticking.obey, needs_reason=False),
    "acknowledge": Rule(handing.acknowledge_refusal, handing.look, needs_reason=False),
}


_EVEN_BEFORE: tuple[Verb, ...] = ("pause", "resume", "hold", "release")
"""What is obeyed before the run has begun: it may have been ordered while no worker had seen the run."""


def refusal(state: State, order: Order, at: float) -> str:
    """Why the order is not obeyed at the moment `at`; empty when it is."""
    if state.outcome is not None:
        return f"the run has ended ({state.outcome}); `{order.verb}` does nothing any more"
    if not state.nodes and order.verb not in _EVEN_BEFORE:
        return "the run has not begun yet"
    rule = RULES.get(order.verb)
    if rule is None:
        return f"there is no order `{order.verb}`"
    if not order.by.strip() or order.by != order.by.strip():
        return "an order needs the name of the person who gives it, without spaces around it"
    if rule.needs_reason and not order.reason.strip():
        return f"`{order.verb}` needs a reason"
    return may_order(state, order, at) or rule.refusal(state, order) or proving.refusal(state, order, at)


def obey(turn: Turn, order: Order) -> None:
    """Carry out an order that was not refused."""
    proving.taken(turn, order)
    RULES[order.verb].obey(turn, order)
