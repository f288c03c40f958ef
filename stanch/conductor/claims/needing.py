"""What a change needs to hold: the locks of its runbook and of those that called it.

It holds them as a rule. Not so when one was broken, or when what is taken back was done by a runbook that was
called, has ended, and has given its own back.
"""

from __future__ import annotations

from stanch.conductor.claims import budget
from stanch.conductor.claims.taking import Wanted, are_taken, line, take
from stanch.conductor.events import Cleared, Internal, TakeBack
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import parking


def lacks(turn: Turn, node: Node, event: Internal) -> bool:
    """Whether the node may not go on yet, because it is to change something without its leases; it is parked
    then, and they are asked for."""
    if not are_taken(turn):
        return False
    wanted = _wanted(turn, node, event)
    held = all(each.key in turn.claims and turn.claims[each.key].held for each in wanted)
    return not (held or take(turn, node, wanted, event))


def _wanted(turn: Turn, node: Node, event: Internal) -> list[Wanted]:
    """Locks first, then shares of budgets: in the order in which they are taken."""
    if isinstance(event, TakeBack) and node.undo_queue:
        changed = turn.nodes.get(turn.ledger[node.undo_queue[0]].step)
        locks = line(turn, changed, node.path) if changed is not None else []
        return [*locks, *budget.of_way_back(turn, node)]
    if isinstance(event, Cleared) and parking.is_change(turn, node):
        return [*line(turn, node), *budget.of_change(turn, node)]
    return []
