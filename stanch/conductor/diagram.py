"""The transition table as text: a Mermaid diagram, and a Markdown table of every row.

`python -m stanch.conductor.diagram` prints what `docs/conductor.md` holds between its markers.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable

from stanch.conductor.machine import TABLE, Row
from stanch.conductor.state import Phase

ENDED = "ended"
"""Stands for every final phase in the diagram; which of them it is, says the table."""
_MANY = 3
"""From so many phases on, arrows of one event to the same phases are drawn through one node."""


def diagram() -> str:
    """Both, as Markdown."""
    return f"```mermaid\n{mermaid()}```\n\n{rows()}"


def mermaid() -> str:
    """The phases of a node and what leads from one to another, without arrows from a phase to itself."""
    shared = _shared()
    lines = ["stateDiagram-v2", *(f'  state "on {name}" as on_{name}' for name in shared)]
    lines.append(f"  [*] --> {Phase.PENDING.value}")
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (phase, event), row in TABLE.items():
        name = event.__name__
        if name in shared:
            lines.append(f"  {phase.value} --> on_{name}")
            continue
        for target in _shown(row.to):
            if target != phase.value:
                arrows[phase.value, target].append(name)
    for name, row in shared.items():
        lines += [f"  on_{name} --> {target}" for target in _shown(row.to)]
    for (phase_name, target), names in arrows.items():
        lines.append(f"  {phase_name} --> {target}: {' or '.join(names)}")
    return "\n".join([*lines, f"  {ENDED} --> [*]"]) + "\n"


def rows() -> str:
    """Every row of the table; those that are handled alike share a line."""
    alike: dict[tuple[str, str], list[Row]] = defaultdict(list)
    events: dict[tuple[str, str], list[str]] = defaultdict(list)
    for phases, event, row in _by_event():
        key = (phases, f"{row.handler.__module__.rpartition('.')[2]}.{row.handler.__name__}")
        alike[key].append(row)
        events[key].append(event)
    lines = ["| phase | event | handled by | may be left in |", "| --- | --- | --- | --- |"]
    for (phases, handler), found in alike.items():
        told = ", ".join(f"`{event}`" for event in events[phases, handler])
        targets = ", ".join(_ordered(target for row in found for target in row.to))
        lines.append(f"| {phases} | {told} | `{handler}` | {targets} |")
    return "\n".join(lines) + "\n"


def _by_event() -> list[tuple[str, str, Row]]:
    """Phases, an event's name, and their row; phases stand together when many have the same row."""
    shared = _shared()
    found = [
        (phase.value, event.__name__, row)
        for (phase, event), row in TABLE.items()
        if event.__name__ not in shared
    ]
    for name, row in shared.items():
        phases = _ordered(phase for phase, event in TABLE if event.__name__ == name)
        found.append((", ".join(phases), name, row))
    return found


def _shared() -> dict[str, Row]:
    """Events that have one and the same row in many phases."""
    found: dict[str, list[Row]] = defaultdict(list)
    for (_, event), row in TABLE.items():
        found[event.__name__].append(row)
    return {name: held[0] for name, held in found.items() if len(held) >= _MANY and len(set(held)) == 1}


def _shown(phases: Iterable[Phase]) -> list[str]:
    """Phases as the diagram calls them."""
    held = set(phases)
    live = _ordered(phase for phase in held if not phase.final)
    return [*live, ENDED] if any(phase.final for phase in held) else live


def _ordered(phases: Iterable[Phase]) -> list[str]:
    """Their names in the order of their definition; a set has none that lasts."""
    held = set(phases)
    return [phase.value for phase in Phase if phase in held]


if __name__ == "__main__":
    sys.stdout.write(diagram())
