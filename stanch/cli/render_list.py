"""Runs in a list, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stanch.cli.moments import day_clock, length, span
from stanch.cli.render_answers import short_name
from stanch.cli.safe import one_line
from stanch.cli.style import Style, table, width_of

if TYPE_CHECKING:
    from stanch.client.runs import RunLine


WAITING = ("waiting", "paused", "on_hold", "queuing")
"""Phases in which a run does not go on before a person, or another run with its lease, has let it."""


def render_runs(runs: list[RunLine], now: float, style: Style) -> str:
    """A table in the order given, or two lines a run where the terminal has no room for it. What waits for a
    person is marked, and bold."""
    head = ("", *(style.bold(word) for word in ("RUN", "PHASE", "SEVERITY", "SERVICE", "STARTED", "LASTED")))
    rows = [
        (
            style.mark("asking") if _waits(line) else "",
            _bold(one_line(short_name(line.run)), line, style),
            _phase(line),
            line.severity,
            one_line(line.service),
            day_clock(line.started),
            length((line.ended or now) - line.started),
        )
        for line in runs
    ]
    whole = table([head, *rows])
    if max(map(width_of, whole)) <= style.width:
        return "\n".join(whole)
    return "\n".join(part for line in runs for part in _narrow(line, now, style))


def _narrow(line: RunLine, now: float, style: Style) -> list[str]:
    mark = style.mark("asking") if _waits(line) else " "
    about = [line.severity, one_line(line.service), f"{span(now - line.started)} ago"]
    what = f"{_phase(line)}, {', '.join(word for word in about if word)}"
    return [f"{mark} {_bold(one_line(short_name(line.run)), line, style)}", *style.folded(what, "    ")]


def _waits(line: RunLine) -> bool:
    return line.phase in WAITING and not line.ended


def _bold(text: str, line: RunLine, style: Style) -> str:
    return style.bold(text) if _waits(line) else text


def _phase(line: RunLine) -> str:
    return one_line(line.phase or line.status).replace("_", " ")
