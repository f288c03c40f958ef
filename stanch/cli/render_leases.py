"""Leases as text: those of a run, and all of them with their queues."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.cli.moments import clock, span
from stanch.cli.program import Program
from stanch.cli.render_answers import short_name
from stanch.cli.safe import one_line
from stanch.cli.style import Style
from stanch.contract import Claim, LeaseView, RunLease, RunView
from stanch.lease import words

_MOST_TARGETS = 10


def render_leases(found: list[LeaseView], now: float, style: Style) -> str:
    """Each with its holders, and below them the queue."""
    return "\n".join(line for lease in found for line in _lease(lease, now, style))


def _lease(lease: LeaseView, now: float, style: Style) -> Iterator[str]:
    yield style.bold(one_line(lease.name))
    for claim in lease.holders:
        yield from style.folded(f"{_who(claim)}, for {span(now - claim.granted)}", "    ", "  holds  ")
    for place, claim in enumerate(lease.queue, 1):
        yield from style.folded(
            f"{_who(claim)}, for {span(now - claim.asked)}", "    ", f"  {place}. waits  "
        )


def _who(claim: Claim) -> str:
    return words.whose(claim) + _targets(claim.targets)


def _targets(targets: tuple[str, ...]) -> str:
    if not targets:
        return ""
    more = f" and {len(targets) - _MOST_TARGETS} more" if len(targets) > _MOST_TARGETS else ""
    return f", {', '.join(targets[:_MOST_TARGETS])}{more}"


def render_lacking(view: RunView, program: Program, style: Style) -> list[str]:
    """The leases without which the run changes nothing, and what gets it on."""
    told: list[str] = []
    for lease in view.leases:
        if lease.state == "waiting":
            told += _waited_for(lease, program, style)
        elif lease.state == "broken":
            told += style.loud(f"LEASE BROKEN, no change begins: {lease.name}: {lease.said}")
            told.append(f"  {one_line(program.line('release', short_name(view.run)))}")
    return told


def _waited_for(lease: RunLease, program: Program, style: Style) -> list[str]:
    told = style.loud(f"WAITS for {lease.name}{_targets(lease.targets)}: {_holders(lease)}")
    for holder in lease.holders[:3]:
        line = program.line("break", short_name(holder.run), lease.name, "--reason", "WHY")
        told.append(f"  {one_line(line)}")
    return told


def _holders(lease: RunLease) -> str:
    return words.held_by(lease.holders, lease.ahead)


def render_held(view: RunView, style: Style) -> list[str]:
    """What the run holds."""
    held = [
        f"{lease.name}{_targets(lease.targets)} since {clock(lease.since)}"
        for lease in view.leases
        if lease.state == "held"
    ]
    return [line for each in held for line in style.folded(f"holds {each}", "  ")]
