"""An incident as text: whether it holds its fire, and its runs."""

from __future__ import annotations

from stanch.cli.moments import clock
from stanch.cli.program import Program
from stanch.cli.render_answers import short_name
from stanch.cli.safe import one_line
from stanch.cli.style import Style
from stanch.contract import IncidentView, Member


def render_incident(view: IncidentView, program: Program, style: Style) -> str:
    told: list[str] = []
    if view.held:
        told += style.loud(f"ON HOLD, no change begins: {view.held}")
        told += [f"  {one_line(program.line('incident', 'release', view.id))}", ""]
    told += [style.bold(f"incident/{one_line(view.id)}"), ""]
    told += [style.bold("Runs")] if view.members else ["none of its runs is open"]
    for member in view.members:
        told += style.folded(f"{short_name(member.run)}: {_stands(member)}", "      ", "  ")
    told += ["", style.bold("Timeline (UTC)")]
    for moment in view.timeline:
        head = f"{clock(moment.at)} "
        told += style.folded(moment.text, " " * len(head), head)
    return "\n".join(told)


def _stands(member: Member) -> str:
    if member.trouble:
        return f"DID NOT OBEY: {member.trouble}"
    stands = "on hold" if member.held else "not on hold"
    return f"{stands}, and is being told otherwise" if member.pending else stands
