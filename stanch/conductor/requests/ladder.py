"""When a rung of a ladder is due. Nothing here remembers or pages."""

from __future__ import annotations

from math import inf

from stanch.conductor.state import OpenRequest
from stanch.contract import Ladder, Request, Rung, RunInput, RunPolicy
from stanch.language.people import IC

DEFAULT_PATIENCE = 1800.0


def ladder_of(given: RunInput, request: Request) -> Ladder:
    """The ladder of the first role that is asked, at the severity as it is now. A role without one is paged
    itself, and then as the commander is; one rung and half an hour where the policy is silent."""
    ladders = {**given.policy.ladders, **given.policy.by_severity.get(given.severity, {})}
    if own := next((ladders[role] for role in request.roles if role in ladders), None):
        return own
    first = Rung(0.0, request.roles[0] if request.roles else IC)
    if shared := ladders.get(IC):
        rungs = (first, *(rung for rung in shared.rungs if rung.after > 0))
        return Ladder(rungs, shared.silence_after, shared.silence_then, shared.patience)
    return Ladder(rungs=(first,), silence_after=DEFAULT_PATIENCE)


def dues(policy: RunPolicy, ladder: Ladder, opened: OpenRequest) -> list[tuple[float, int]]:
    """Moment and number of every rung that comes before the request's end, in order of time. A rung that may
    not be paged at its time waits for its hours."""
    moments = [
        (allowed(policy, rung, opened.since + rung.after), number) for number, rung in enumerate(ladder.rungs)
    ]
    return sorted((due, number) for due, number in moments if due < opened.request.until)


def reminder(policy: RunPolicy, ladder: Ladder, opened: OpenRequest) -> float:
    """When the newest rung is paged again; never (inf) if it is not."""
    if not opened.reached:
        return inf
    rung = ladder.rungs[opened.reached[-1]]
    return allowed(policy, rung, opened.paged_at + rung.remind) if rung.remind > 0 else inf


def allowed(policy: RunPolicy, rung: Rung, at: float) -> float:
    """The first moment, from `at` on, in the rung's hours; never (inf) when none is known."""
    if rung.hours == "in":
        return next((max(at, start) for start, end in policy.hours if at < end), inf)
    if rung.hours == "out":
        for start, end in policy.hours:
            if start <= at < end:
                at = end
    return at
