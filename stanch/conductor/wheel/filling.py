"""A history has an end, and a run that reaches it is ended by Temporal in the middle of what it does.

So it stops before: nothing new begins, what is under way ends, and whoever commands is told. There is room
left to take back what was changed; the rest of the work is another run's.
"""

from __future__ import annotations

from stanch.conductor.state import ROOT
from stanch.conductor.turn import Turn
from stanch.language.people import IC


def stop_growing(turn: Turn, text: str) -> None:
    """`text` says how full the history is. Told once; nothing takes it back."""
    if turn.full:
        return
    turn.full = text
    turn.note("problem", f"nothing new begins: {text}")
    turn.page_about(turn.nodes[ROOT], IC, f"nothing new begins, end it or take it back: {text}")
