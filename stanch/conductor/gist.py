"""What the steps of a run have given, a line each: for a question that rests on it, and for the timeline."""

from __future__ import annotations

from stanch.conductor.approval.preview import brief
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn
from stanch.language.plan import Json
from stanch.language.render.results import line_of


def gist(value: Json) -> str:
    """As `brief`; series, and what an action gave, in a line of their own form."""
    line = line_of(value)
    return brief(value) if line is None else line


def looked(turn: Turn, node: Node | None) -> str:
    """What the action of a step that reads, and that has ended well, gave; empty when nothing can be told."""
    if node is None or node.phase is not Phase.SUCCEEDED or node.item is not None:
        return ""
    step = turn.step(node)
    reads = step.call is not None and step.effect == "read" and not step.for_each
    return (line_of(node.result) or "") if reads else ""
