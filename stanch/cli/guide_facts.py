"""What a printed guide can know from `stanch.yaml`: who is paged next, who holds which role, Prometheus."""

from __future__ import annotations

from typing import get_args

from stanch.config import Config
from stanch.contract import Ladder, Severity
from stanch.language.plan import Plan
from stanch.language.render.guide import Climb, Facts
from stanch.language.render.guide.people import COMMANDER, roles_of


def facts_of(plan: Plan, config: Config) -> Facts:
    """Without a policy of one's own there is no ladder: the built-in one says nothing about real people."""
    policy = config.policy
    known = bool(policy.ladders or policy.roles)
    severities = tuple(one for one in get_args(Severity) if not plan.severities or one in plan.severities)
    roles = (*roles_of(plan), COMMANDER) if known else ()
    return Facts(
        ladders={role: _climbs(config, role, severities) for role in roles},
        holders=dict(policy.roles),
        prometheus=config.prometheus_url,
    )


def _climbs(config: Config, role: str, severities: tuple[Severity, ...]) -> tuple[Climb, ...]:
    """Severities that climb alike are told together."""
    alike: dict[Ladder, list[str]] = {}
    for severity in severities:
        ladder = config.policy.for_run((role,), severity).ladders[role]
        alike.setdefault(ladder, []).append(severity)
    return tuple(
        Climb(
            severities=() if len(alike) == 1 else tuple(names),
            rungs=tuple((rung.after, rung.page) for rung in ladder.rungs),
            silence_after=ladder.silence_after,
            silence_then=ladder.silence_then,
        )
        for ladder, names in alike.items()
    )
