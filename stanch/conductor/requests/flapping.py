"""A runbook that has run again and again for an alert that keeps coming back: a person decides about it."""

from __future__ import annotations

from stanch.conductor.requests import requesting
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import Request
from stanch.language.people import IC


def too_often(turn: Turn, node: Node) -> bool:
    """Whether a person has to say first that the run may begin, because it has run so often before."""
    return not node.path and bool(turn.given.flaps) and node.attempt == 1


def ask_to_begin(turn: Turn, node: Node) -> None:
    """The alert is back after all those runs. The answer `retry` lets this one begin."""
    flaps = turn.given.flaps
    times = f"{len(flaps)} times" if len(flaps) > 1 else "once"
    request = Request(
        id="run",
        step="",
        kind="failure",
        question=f"{turn.book.plan.title} has run {times} and the alert is back. Run it again?",
        roles=(IC,),
        choices=("retry", "abort"),
        evidence=flaps,
        silence="abort",
    )
    turn.note("flapping", f"it has run {times} shortly before, and the alert is back: a person decides")
    requesting.put(turn, node, request, None, {"flaps": list(flaps)})
