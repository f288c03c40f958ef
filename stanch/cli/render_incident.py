"""An incident as text: whether it holds its fire, and its runs."""

from __future__ import annotations

from collections.abc import Sequence

from stanch.cli.moments import clock, day_clock, length, span
from stanch.cli.program import Program
from stanch.cli.render_answers import short_name
from stanch.cli.safe import one_line
from stanch.cli.style import Style, table, width_of
from stanch.client.incidents import IncidentLine
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


def render_incidents(lines: Sequence[IncidentLine], now: float, style: Style) -> str:
    """A table in the order given, or two lines an incident where the terminal has no room for it."""
    head = tuple(style.bold(word) for word in ("INCIDENT", "STATE", "RUNS", "STARTED", "LASTED"))
    rows = [
        (
            style.bold(one_line(line.incident)) if line.held else one_line(line.incident),
            _state(line),
            str(line.runs),
            day_clock(line.started),
            length((line.ended or now) - line.started),
        )
        for line in lines
    ]
    whole = table([head, *rows])
    if max(map(width_of, whole)) <= style.width:
        return "\n".join(whole)
    return "\n".join(part for line in lines for part in _narrow(line, now, style))


def _narrow(line: IncidentLine, now: float, style: Style) -> list[str]:
    runs = "1 open run" if line.runs == 1 else f"{line.runs} open runs"
    what = f"{_state(line)}, {runs}, {span(now - line.started)} ago"
    return [style.bold(one_line(line.incident)), *style.folded(what, "    ")]


def _state(line: IncidentLine) -> str:
    return "ended" if line.ended else "on hold" if line.held else "open"


def _stands(member: Member) -> str:
    if member.trouble:
        return f"DID NOT OBEY: {member.trouble}"
    stands = "on hold" if member.held else "not on hold"
    return f"{stands}, and is being told otherwise" if member.pending else stands
