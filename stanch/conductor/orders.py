"""Orders: what a person may say to a run at any moment, beside answering what it asks.

Each verb has a rule: when it makes sense, and what it does. Who may give which order is `wheel_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stanch.conductor.state import State
from stanch.conductor.turn import Turn
from stanch.contract import Order, Verb


@dataclass(frozen=True, slots=True)
class Rule:
    refusal: Callable[[State, Order], str]
    """Why it makes no sense now, in words for a tired person; empty when it does."""
    obey: Callable[[Turn, Order], None]
    needs_reason: bool = True


RULES: dict[Verb, Rule] = {}


def refusal(state: State, order: Order) -> str:
    """Why the order is not obeyed; empty when it is."""
    if state.outcome is not None:
        return f"the run has ended ({state.outcome}); `{order.verb}` does nothing any more"
    if not state.nodes:
        return "the run has not begun yet"
    rule = RULES.get(order.verb)
    if rule is None:
        return f"there is no order `{order.verb}`"
    if not order.by.strip() or order.by != order.by.strip():
        return "an order needs the name of the person who gives it, without spaces around it"
    if rule.needs_reason and not order.reason.strip():
        return f"`{order.verb}` needs a reason"
    return rule.refusal(state, order)


def obey(turn: Turn, order: Order) -> None:
    """Carry out an order that was not refused."""
    RULES[order.verb].obey(turn, order)
