"""Who is asked, and who is next when nobody answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stanch.language.duration import format_duration
from stanch.language.plan import MANUAL, Approval, Plan, Silence, all_steps
from stanch.language.render.guide.markdown import bullets, prose
from stanch.language.render.phrases import who_agrees

COMMANDER = "incident_commander"


@dataclass(frozen=True, slots=True)
class Climb:
    """Whom an unanswered question climbs to. Seconds since it was asked."""

    severities: tuple[str, ...]
    """At which it is so; at all of them when empty."""
    rungs: tuple[tuple[float, str], ...]
    silence_after: float
    silence_then: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the place where the guide is followed."""

    ladders: Mapping[str, Sequence[Climb]] = field(default_factory=dict)
    """By role."""
    holders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Role to the people who hold it."""
    prometheus: str = ""
    """The address of Prometheus."""


def roles_of(plan: Plan) -> tuple[str, ...]:
    """Everybody who may be needed, in the order in which the steps need them."""
    found: dict[str, None] = {}
    for each in (plan, *plan.children.values()):
        for step in all_steps(each.steps):
            asked = (step.approval, step.ask, step.revert)
            found |= dict.fromkeys(role for part in asked if part for role in part.roles)
            for call in (step.call, step.undo):
                if call and call.action == MANUAL and "${{" not in str(call.params.get("who", "${{")):
                    found[str(call.params["who"])] = None
    return tuple(found)


def named(role: str, facts: Facts) -> str:
    """The role, and who holds it."""
    people = facts.holders.get(role)
    return f"**{prose(role)}**" + (f" ({', '.join(map(prose, people))})" if people else "")


def must_agree(approval: Approval) -> str:
    """`**incident_commander** has to say yes`"""
    verb = "have" if approval.of_roles > 1 or approval.quorum > 1 else "has"
    return f"**{prose(who_agrees(approval.roles, approval.quorum, approval.of_roles))}** {verb} to say yes"


def no_answer(silence: Silence | None) -> str:
    if silence is None:
        return "Nobody answers? See [If nobody answers](#if-nobody-answers)."
    end = "it is a no" if silence.then == "deny" else "stop here"
    return f"No answer within {format_duration(silence.after)}: {end}."


def escalation(roles: Sequence[str], owner: str, facts: Facts) -> Iterator[str]:
    """The ladder of each role, as far as the policy is known."""
    for role in roles:
        if role in facts.ladders:
            yield f"{named(role, facts)}:"
        for climb in facts.ladders.get(role, ()):
            if climb.severities:
                yield f"At {', '.join(climb.severities)}:"
            yield bullets(_rungs(climb))
    if unknown := [named(role, facts) for role in roles if role not in facts.ladders]:
        yield f"{', '.join(unknown)}:"
        yield bullets(
            [
                "ask whoever holds the role now",
                "no answer within 5 minutes: call again",
                f"still none: the team that owns this, {prose(owner)}",
                "still none after half an hour: it is a no; stop, and leave things as they are",
            ]
        )
    if not roles:
        yield f"Nobody has to be asked. Whoever knows more is in the team {prose(owner)}."


def _rungs(climb: Climb) -> Iterator[str]:
    for after, page in climb.rungs:
        when = f"after {format_duration(after)}" if after else "at once"
        yield f"{when}: page {prose(page)}"
    end = "it is a no" if climb.silence_then == "deny" else "stop here"
    yield f"no answer after {format_duration(climb.silence_after)}: {end}"
