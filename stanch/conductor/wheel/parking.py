"""What a pause or a hold keeps back.

Paused, a run begins nothing: no step, no retry, no way back. What is under way ends, with its `verify`, and
so does what needs no new work. On hold, a run goes on but changes nothing: neither a change nor a way back
begins. What is kept back is told, and goes on where it was as soon as it may. A run whose history is full
begins nothing any more, and only takes back.
"""

from __future__ import annotations

from collections.abc import Collection

from stanch.conductor.events import Cleared, Entered, Internal, Repeated, TakeBack
from stanch.conductor.state import Node, Parked
from stanch.conductor.turn import Turn


def keeps_back(turn: Turn, node: Node, event: object) -> str:
    """What keeps the event from its node for now: `pause`, `hold`, `full history`, or nothing (empty)."""
    if turn.paused and isinstance(event, Entered | Cleared | Repeated | TakeBack):
        return "pause"
    if turn.full and isinstance(event, Entered | Cleared | Repeated):
        return "full history"
    changes = isinstance(event, TakeBack) or (isinstance(event, Cleared) and is_change(turn, node))
    return "hold" if turn.held and changes else ""


def is_change(turn: Turn, node: Node) -> bool:
    """A change, or a loop of changes, which looks at what it requires once for all of them; a block only
    leads to some."""
    step = turn.step(node)
    return step.call is not None and step.effect == "change"


def park(turn: Turn, node: Node, event: Internal, what: str) -> None:
    kept = any(each.path == node.path for each in turn.before.parked)
    first = not any(turn.nodes[each.path].parent == node.parent for each in turn.parked)
    if not kept and (node.item is None or first):
        # Of rounds that run at once, one line is enough.
        turn.note("parked", f"kept back by the {what}", step=node.path)
    turn.parked.append(Parked(node.path, event))


def unpark(turn: Turn) -> None:
    """What was kept back has its turn, unless something else keeps it."""
    parked, turn.parked = turn.parked, []
    for each in parked:
        turn.post(each.path, each.event)


def forget(turn: Turn, paths: Collection[str]) -> None:
    """What is kept back for nodes that end without it never begins."""
    gone = [each.path or "run" for each in turn.parked if each.path in paths]
    turn.parked = [each for each in turn.parked if each.path not in paths]
    if gone:
        more = f" and {len(gone) - 10} more" if len(gone) > 10 else ""
        turn.note("parked", f"never begun: {', '.join(gone[:10])}{more}")
