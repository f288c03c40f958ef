"""Whose answer counts, at the moment it arrives."""

from __future__ import annotations

from collections.abc import Mapping

from stanch.conductor.authority.people import Run, holders, listed, not_yours, spoken_for, starters
from stanch.conductor.state import OpenRequest, State
from stanch.contract import Decision, Request


def unentitled(state: State, opened: OpenRequest, decision: Decision, at: float) -> str:
    """Why this is not this person's to answer; empty when it is."""
    policy, request = state.given.policy, opened.request
    if not decision.by.strip() or decision.by != decision.by.strip():
        return "a decision needs the name of the person who takes it, without spaces around it"
    if not spoken_for(state, request.roles, decision.by, at):
        return not_yours(state, request.roles, decision.by, at)
    if decision.choice != "approve":
        return ""
    if decision.by in starters(state) and not policy.self_approval:
        return f"{decision.by} started this run and may not approve its steps"
    agreed = [given.by for given in opened.given]
    if decision.by in agreed:
        return f"{decision.by} has already approved; {request.quorum} different people are needed"
    if request.of_roles > 1:
        speaking = tuple(spoken_for(state, request.roles, decision.by, at))
        return _adds_nothing(request, {**_agreed(state, opened, at), decision.by: speaking})
    return ""


def too_few(run: Run, opened: OpenRequest, at: float) -> str:
    """Why those who answer now, with those who have approved it, are not enough; empty when they are."""
    request = opened.request
    held = [holders(run, role, at) for role in request.roles]
    named = [people for people in held if people is not None]
    if request.kind != "approval" or len(named) < len(held):
        return ""
    given, all_of = run.given, frozenset[str]().union(*named)
    starter = frozenset(() if given.policy.self_approval else starters(run))
    may = (all_of - starter) | {given.by for given in opened.given}
    agreed = {role for given in opened.given for role in opened.spoke.get(given.by, ())}
    lacking = [role for role, people in zip(request.roles, named, strict=True) if not people - starter]
    each_role = request.of_roles < len(named) or agreed.issuperset(lacking)
    if len(may) >= request.quorum and each_role:
        return ""
    needed = "somebody must" if request.quorum == 1 else f"{request.quorum} people must"
    why = f" ({given.started_by} started this run)" if all_of & starter else ""
    roles = " or ".join(request.roles)
    return f"{needed} approve it, and {listed(may)} may{why}: hand {roles} over, or silence ends it"


def _agreed(state: State, opened: OpenRequest, at: float) -> dict[str, tuple[str, ...]]:
    """Who has approved, to the roles for which they answered when they did."""
    return {
        given.by: opened.spoke.get(given.by) or tuple(spoken_for(state, opened.request.roles, given.by, at))
        for given in opened.given
    }


def _adds_nothing(request: Request, people: Mapping[str, tuple[str, ...]]) -> str:
    """Whether the last of the people speaks for a role that others already speak for.

    More people than are needed may agree (`quorum`), but not before the needed roles can still be reached.
    """
    missing = request.of_roles - _covered(people)
    places = request.quorum - len(people)
    if missing <= places:
        return ""
    spoken = " and ".join([*people.values()][-1])
    asked = ", ".join(f"`{role}`" for role in request.roles)
    return f"somebody else has already agreed as {spoken}; {missing} more of {asked} must agree"


def _covered(people: Mapping[str, tuple[str, ...]]) -> int:
    """For how many different roles the people can speak, each for one of them."""
    speaks: dict[str, str] = {}

    def place(person: str, tried: set[str]) -> bool:
        for role in people[person]:
            if role not in tried:
                tried.add(role)
                if role not in speaks or place(speaks[role], tried):
                    speaks[role] = person
                    return True
        return False

    return sum(place(person, set()) for person in people)
