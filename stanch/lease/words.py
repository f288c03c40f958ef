"""A lease in words, for timelines, pages and the Temporal Web UI."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from stanch.contract import Claim

_MOST = 3


def whose(claim: Claim) -> str:
    """`run/failover/7 (SEV2, started by alice)`."""
    facts: list[str] = [claim.severity]
    facts += [claim.mode] if claim.mode != "live" else []
    facts += [f"started by {claim.started_by}"] if claim.started_by else []
    return f"{claim.run} ({', '.join(facts)})"


def held_by(holders: Sequence[Claim], ahead: int = 0) -> str:
    """`held by run/failover/7 (SEV2, started by alice) since 03:12 UTC, 2 before it`."""
    told = [f"{whose(each)} since {_clock(each.granted)}" for each in holders[:_MOST]]
    told += [f"{len(holders) - _MOST} more"] if len(holders) > _MOST else []
    text = f"held by {' and '.join(told)}" if told else "nobody holds it now"
    return f"{text}, {ahead} before it" if ahead else text


def waiting_for(claims: Sequence[Claim]) -> str:
    """`run/restart/4 (SEV3) and run/scale/9 (SEV3) wait for it`; empty when nobody does."""
    told = [whose(each) for each in claims[:_MOST]]
    told += [f"{len(claims) - _MOST} more"] if len(claims) > _MOST else []
    return f"{' and '.join(told)} {'wait' if len(claims) > 1 else 'waits'} for it" if told else ""


def to_break(holder: Claim, name: str) -> str:
    """The command that takes the lease from its holder."""
    return f"stanch break {holder.run} {name} --reason WHY"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M UTC")
