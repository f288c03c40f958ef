"""Runs in a list, and the answers of people, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stanch.cli.moments import day_clock, length
from stanch.cli.render_request import short_name
from stanch.cli.safe import one_line
from stanch.cli.style import Style, table

if TYPE_CHECKING:
    from stanch.client.runs import RunLine


def render_runs(runs: list[RunLine], now: float, style: Style) -> str:
    """A table, the newest run first."""
    head = tuple(style.bold(word) for word in ("RUN", "PHASE", "SEVERITY", "SERVICE", "STARTED", "LASTED"))
    rows = [
        (
            one_line(short_name(line.run)),
            one_line(line.phase or line.status).replace("_", " "),
            line.severity,
            one_line(line.service),
            day_clock(line.started),
            length((line.ended or now) - line.started),
        )
        for line in runs
    ]
    return "\n".join(table([head, *rows]))
