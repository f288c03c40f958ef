"""What a run is told of the drill that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from stanch.language.plan import Json

DrillMode: TypeAlias = Literal["tabletop", "simulated", "live"]
"""`tabletop`: nothing is executed or asked, a facilitator reveals what is found. `simulated`: what only reads
is real, what changes or tells answers from a script. `live`: all is real, on targets made for that."""


@dataclass(frozen=True, slots=True)
class DrillRef:
    """The drill that a run belongs to, pinned when the run starts."""

    id: str
    """The drill's workflow id, `drill/<name>/<key>`."""
    mode: DrillMode
    title: str = ""
    participants: tuple[str, ...] = ()
    """Everybody who takes part, the facilitator too."""
    facilitator: str = ""
    pages: Literal["participants", "usual"] = "participants"
    """Who may be paged: those who take part, or whoever would be."""
    tells: Literal["nobody", "usual"] = "nobody"
    """Whether steps that tell people (`notify`, `page`, `ticket`) tell them, marked as a drill."""
    script: str = ""
    """YAML: the part `given` of a rehearsal of the run's Plan, from which what is not executed answers."""
    specs: Mapping[str, Json] = field(default_factory=dict)
    """The schema document of every action that the Plan uses, by name: the script's answers are made with
    them, today and when the history is replayed in years."""
    drillable: tuple[str, ...] = ()
    """Names of the targets and systems that the policy lets a live drill change."""


@dataclass(frozen=True, slots=True)
class Reveal:
    """The facilitator of a tabletop says what a step finds."""

    by: str
    step: str
    """The path of the step that waits."""
    given: str = ""
    """YAML: what the script would say under the step; empty for what the script says."""
