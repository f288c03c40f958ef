"""Whose answer counts."""

from __future__ import annotations

from stanch.conductor.state import OpenRequest, State
from stanch.contract import Decision, Request, RunPolicy


def unentitled(state: State, opened: OpenRequest, decision: Decision) -> str:
    """Why this is not this person's to answer; empty when it is."""
    policy, request = state.given.policy, opened.request
    if not decision.by.strip() or decision.by != decision.by.strip():
        return "a decision needs the name of the person who takes it, without spaces around it"
    if not _roles(policy, request, decision.by):
        return f"{decision.by} does not hold the role {' or '.join(request.roles)}"
    if decision.choice != "approve":
        return ""
    if decision.by == state.given.started_by and not policy.self_approval:
        return f"{decision.by} started this run and may not approve its steps"
    agreed = [given.by for given in opened.given]
    if decision.by in agreed:
        return f"{decision.by} has already approved; {request.quorum} different people are needed"
    if request.of_roles > 1:
        return _adds_nothing(policy, request, [*agreed, decision.by])
    return ""


def _roles(policy: RunPolicy, request: Request, person: str) -> list[str]:
    """The asked roles that the person holds; a role that the policy does not know is anybody's."""
    holders = {role: policy.roles.get(role) for role in request.roles}
    return [role for role, held in holders.items() if held is None or person in held]


def _adds_nothing(policy: RunPolicy, request: Request, people: list[str]) -> str:
    """Whether the last of the people speaks for a role that others already speak for.

    More people than are needed may agree (`quorum`), but not before the needed roles can still be reached.
    """
    covered = _covered(policy, request, people)
    missing = request.of_roles - covered
    places = request.quorum - len(people)
    if missing <= places:
        return ""
    spoken = " and ".join(_roles(policy, request, people[-1]))
    return f"somebody else has already agreed as {spoken}; {missing} more of {_listed(request)} must agree"


def _covered(policy: RunPolicy, request: Request, people: list[str]) -> int:
    """For how many different roles the people can speak, each for one of them."""
    speaks: dict[str, str] = {}

    def place(person: str, tried: set[str]) -> bool:
        for role in _roles(policy, request, person):
            if role not in tried:
                tried.add(role)
                if role not in speaks or place(speaks[role], tried):
                    speaks[role] = person
                    return True
        return False

    return sum(place(person, set()) for person in people)


def _listed(request: Request) -> str:
    return ", ".join(f"`{role}`" for role in request.roles)
