"""What a lease answers, and what the run does about it: go on, wait and say so, or warn whoever commands."""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.claims import taking
from stanch.conductor.claims.claimed import Claimed
from stanch.conductor.events import LeaseAnswered, LeaseRung, WorkFailed
from stanch.conductor.state import ROOT
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import parking
from stanch.contract import LeaseAnswer
from stanch.language.duration import format_duration
from stanch.language.people import IC
from stanch.lease import words

ASK_AGAIN = 60.0
"""Seconds until a lease that has not rung is asked again; longer the longer it is waited for."""
_RAREST = 600.0


def heard(turn: Turn, event: LeaseAnswered | LeaseRung) -> None:
    if turn.before.outcome is not None:
        return
    match event:
        case LeaseAnswered():
            _answered(turn, event)
        case LeaseRung(name=name):
            # Anybody can ring. What is believed is what the lease says when it is asked.
            for key, claim in list(turn.claims.items()):
                if claim.lease.name == name and claim.waits:
                    taking.ask(turn, key, claim)


def _answered(turn: Turn, event: LeaseAnswered) -> None:
    key = next((key for key, claim in turn.claims.items() if claim.lease.id == event.key), None)
    if key is None or not turn.claims[key].asking:
        # It was given back meanwhile; the lease may have heard that bell before it was asked.
        taking.ring(turn, event.name)
        return
    claim, answer = replace(turn.claims[key], asking=False), event.answer
    if claim.lease.state == "broken":
        taking.put(turn, key, claim)
        taking.ring(turn, event.name)
    elif answer.refused:
        _refused(turn, key, claim, answer.refused)
    elif answer.held:
        _granted(turn, key, claim, answer)
    else:
        _waits(turn, key, claim, answer)


def _granted(turn: Turn, key: str, claim: Claimed, answer: LeaseAnswer) -> None:
    if claim.held:
        _overdue(turn, key, claim, answer)
        return
    before = claim.lease
    waited = f" after {format_duration(round(turn.at - before.since))}" if before.state == "waiting" else ""
    turn.note("lease", f"holds `{before.name}`{_for(before.targets)}{waited}")
    lease = replace(before, state="held", since=answer.since, execution=answer.execution, ahead=0, holders=())
    _remind(turn, key, replace(claim, lease=lease, asks=0))
    parking.unpark(turn)


def _waits(turn: Turn, key: str, claim: Claimed, answer: LeaseAnswer) -> None:
    """Somebody else holds it, or asked before."""
    before, first = claim.lease, claim.lease.state != "waiting"
    lease = replace(
        before,
        state="waiting",
        since=turn.at if first else before.since,
        execution=answer.execution,
        ahead=answer.ahead,
        holders=answer.holders,
    )
    told = f"`{lease.name}`{_for(lease.targets)}: {words.held_by(answer.holders, answer.ahead)}"
    if claim.held:
        # Its lease was ended in Temporal itself, and somebody else was faster.
        turn.note("problem", f"does not hold it any more, and waits for {told}")
    elif first:
        turn.note("lease", f"waits for {told}")
    if first and lease.name not in turn.waited:
        turn.waited = (*turn.waited, lease.name)
        turn.page_about(turn.nodes[ROOT], IC, f"waits for {told}")
    elif not first and before.holders != answer.holders:
        turn.note("lease", f"still waits for {told}")
    claim = replace(claim, lease=lease, asks=claim.asks + 1)
    if claim.again:
        taking.ask(turn, key, claim)
    else:
        text = f"ask again for {lease.name}"
        _arm(turn, key, claim, min(ASK_AGAIN * claim.asks, _RAREST), text)


def _refused(turn: Turn, key: str, claim: Claimed, why: str) -> None:
    """It can never be granted."""
    del turn.claims[key]
    # A share is claimed for a loop, and it is the rounds of a batch that wait for it.
    for_it = {path for path in claim.nodes if claim.lease.targets for path in turn.inside_of.get(path, ())}
    waiting = [each for each in turn.parked if each.path in for_it.union(claim.nodes)]
    turn.parked = [each for each in turn.parked if each not in waiting]
    for each in waiting:
        turn.post(each.path, WorkFailed(f"`{claim.lease.name}` is not granted: {why}"))


def due(turn: Turn, timer: str) -> bool:
    """Whether what has ended was the timer of a claim; then it is asked how that stands."""
    key = next((key for key, claim in turn.claims.items() if claim.timer == timer), None)
    if key is None:
        return False
    taking.ask(turn, key, replace(turn.claims[key], timer=""))
    return True


def _overdue(turn: Turn, key: str, claim: Claimed, answer: LeaseAnswer) -> None:
    """Nothing is taken away by time: whoever commands hears of it, and who waits."""
    lease = claim.lease
    has_had = format_duration(round(turn.at - lease.since))
    waiting = words.waiting_for(answer.waiting)
    told = f"has held `{lease.name}` for {has_had}" + (f"; {waiting}" if waiting else "")
    turn.note("problem", told)
    turn.page_about(turn.nodes[ROOT], IC, told)
    _remind(turn, key, claim)


def _remind(turn: Turn, key: str, claim: Claimed) -> None:
    limit = turn.given.policy.lease_limit
    _arm(turn, key, claim, limit, f"{claim.lease.name} is held for {format_duration(limit)} at most")


def _arm(turn: Turn, key: str, claim: Claimed, seconds: float, text: str) -> None:
    timer = turn.start_timer(turn.nodes[ROOT], seconds, text, "/lease")
    taking.put(turn, key, replace(claim, timer=timer))


def _for(targets: tuple[str, ...]) -> str:
    return f" for {', '.join(targets[:5])}{' and others' if len(targets) > 5 else ''}" if targets else ""
