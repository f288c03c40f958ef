"""Who somebody is to a run, now: roles as they were handed over, the policy's roles, groups and schedules.

An address (a role, a group, a schedule, a person) is resolved when it matters: when a decision or an order
arrives, and when somebody is paged. Nothing is remembered of it but what is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

from stanch.conductor.state import OpenRequest
from stanch.contract import RunInput, RunPolicy
from stanch.language.people import IC

People: TypeAlias = frozenset[str] | None
"""Names; None is anybody."""
ANYBODY: People = None
_MOST_NAMED = 3


class Run(Protocol):
    """What is known of the people of a run: a State, or a Turn, which has what this turn has changed."""

    @property
    def given(self) -> RunInput: ...
    @property
    def roles(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def handed(self) -> Mapping[str, str]: ...
    @property
    def starters(self) -> tuple[str, ...]: ...
    @property
    def requests(self) -> Mapping[str, OpenRequest]: ...


@dataclass(frozen=True, slots=True)
class Held:
    """The people behind an address, and in words how it came to them if they do not simply hold it."""

    people: People
    by: str
    """The role, schedule, group or person that answers: the address itself, or what stands in for it."""
    why: str = ""


def holders(run: Run, address: str, at: float) -> People:
    """Who answers for `address` at the moment `at`."""
    return resolve(run, address, at).people


def starters(run: Run) -> frozenset[str]:
    """Who is said to have started the run, and who is proven to have: neither approves what it changes."""
    return frozenset((run.given.started_by, *run.starters))


def resolve(run: Run, address: str, at: float) -> Held:
    own = _own(run, address, at)
    if own is None or own:
        return Held(own, address)
    if address == IC:
        return _acting(run, at)
    commander = resolve(run, IC, at)
    who = listed(commander.people)
    why = f"nobody holds {address} now; the incident commander ({who}) answers for it"
    return Held(commander.people, commander.by, "; ".join(filter(None, (why, commander.why))))


def is_held(run: Run, role: str, at: float) -> bool:
    """Whether somebody holds the role of their own, and not for want of anybody else."""
    own = _own(run, role, at)
    return own is None or bool(own)


def may_be(run: Run, person: str, address: str, at: float) -> bool:
    people = holders(run, address, at)
    return people is None or person in people


def spoken_for(run: Run, roles: Iterable[str], person: str, at: float) -> list[str]:
    """Those of the roles for which the person answers now."""
    return [role for role in roles if may_be(run, person, role, at)]


def not_yours(run: Run, roles: tuple[str, ...], person: str, at: float) -> str:
    """Why the person does not answer for any of the roles, with who does."""
    told: list[str] = []
    for role in roles:
        held = resolve(run, role, at)
        if role in run.handed:
            told.append(run.handed[role])
        elif held.why:
            told.append(held.why)
        elif held.people:
            holds = "does" if len(held.people) == 1 else "do"
            told.append(f"{listed(held.people)} {holds}")
    return f"{person} does not hold the role {' or '.join(roles)}: {'; '.join(dict.fromkeys(told))}"


def known_people(run: Run) -> frozenset[str]:
    """Everybody whom the policy or a handover names."""
    policy = run.given.policy
    named = (policy.roles, policy.groups, run.roles)
    names = {name for held in named for people in held.values() for name in people}
    names |= {shift.person for shifts in policy.schedules.values() for shift in shifts}
    return frozenset(names | set(policy.people)) - set(policy.groups) - set(policy.schedules)


def listed(people: People) -> str:
    """`alice`, `alice and bob`, `alice, bob, carol and 2 more`."""
    if people is None:
        return "anybody"
    names = sorted(people)
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:]))) or "nobody"


def addressed(run: Run, address: str, at: float) -> str:
    """The address with the people behind it: `incident_commander (bob)`; a person is a person."""
    people = holders(run, address, at)
    if people is None or people == frozenset((address,)):
        return address
    return f"{address} ({listed(people)})"


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M UTC")


def _own(run: Run, address: str, at: float) -> People:
    """The address's own people, without anybody who would stand in; empty while nobody holds it."""
    policy = run.given.policy
    if address in run.roles:
        return frozenset(run.roles[address])
    if address in policy.roles:
        return _members(policy, policy.roles[address], at)
    if address in policy.groups or address in policy.schedules:
        return _members(policy, (address,), at)
    if not policy.named:
        return ANYBODY
    # A role whose name only a value has told is not the name of a person whom nobody knows.
    nobody = address == IC or (policy.people and address not in policy.people)
    return frozenset() if nobody else frozenset({address})


def _members(policy: RunPolicy, names: Iterable[str], at: float) -> frozenset[str]:
    """People of the names: a role or a group may name groups and schedules too."""
    found: set[str] = set()
    todo, seen = list(names), set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in policy.groups:
            todo += policy.groups[name]
        elif name in policy.schedules:
            found |= on_call(policy, name, at)
        else:
            found.add(name)
    return frozenset(found)


def on_call(policy: RunPolicy, schedule: str, at: float) -> frozenset[str]:
    """Whose shift it is."""
    return frozenset(
        shift.person
        for shift in policy.schedules.get(schedule, ())
        if shift.start <= at and (not shift.end or at < shift.end)
    )


def _acting(run: Run, at: float) -> Held:
    """While nobody holds the command, who is on call has it."""
    policy = run.given.policy
    people = on_call(policy, policy.acting, at)
    if not people:
        return Held(people, IC, f"nobody holds {IC} now, and nobody is on call to act as it")
    be = "is" if len(people) == 1 else "are"
    why = f"nobody holds {IC} now; {listed(people)} {be} on call ({policy.acting}) and acting"
    return Held(people, policy.acting, why)
