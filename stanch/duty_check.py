"""What a schema cannot see of a policy's people: names that mean nobody, hours and shifts that never are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from stanch.duty import minutes, moment, read_people
from stanch.language.check.rb528_role_misspelt import ROLES
from stanch.language.diagnostics import Report
from stanch.language.plan import Json
from stanch.language.source import Span
from stanch.language.tree import Mapping, Node, Scalar, Sequence, plain
from stanch.language.words import did_you_mean


def check_duty(root: Mapping, report: Report) -> None:
    """Report what does not fit in the configuration `root`, which fits its schema."""
    policy = root.get("policy")
    if isinstance(policy, Mapping):
        pagers = root.get("pagers")
        destinations = _keys(pagers) if isinstance(pagers, Mapping) else []
        for wrong in _mistakes(policy, destinations):
            report.add("RB204", wrong.span, wrong.text, wrong.hint)


@dataclass(frozen=True, slots=True)
class _Wrong:
    span: Span
    text: str
    hint: str | None = None


def _mistakes(policy: Mapping, destinations: list[str]) -> Iterator[_Wrong]:
    data = plain(policy)
    yield from _ambiguous(policy)
    yield from _nobody(policy, {*ROLES, *data.get("roles", {})})
    known = {*_names(data), *destinations}
    for rung in _rungs(policy):
        page, hours = rung.get("page"), rung.get("hours")
        if isinstance(page, Scalar) and page.text not in known:
            text = (
                f"`{page.text}` is no role, group, schedule or person of this configuration: nobody is paged"
            )
            yield _Wrong(page.span, text, did_you_mean(page.text, known))
        if hours is not None and "hours" not in data:
            yield _Wrong(hours.span, "there are no business hours", "say which they are in `policy.hours`")
    acting = policy.get("acting")
    if isinstance(acting, Scalar) and acting.text not in data.get("schedules", {}):
        text = f"`{acting.text}` is no schedule of this policy: nobody would act as incident commander"
        yield _Wrong(acting.span, text, did_you_mean(acting.text, data.get("schedules", {})))
    yield from _hours(policy.get("hours"))
    yield from _shifts(policy.get("schedules"))


def _ambiguous(policy: Mapping) -> Iterator[_Wrong]:
    """A name stands for one thing, or nobody could say who was paged."""
    seen: dict[str, str] = {}
    for kind in ("roles", "groups", "schedules"):
        held = policy.get(kind)
        for entry in held.entries if isinstance(held, Mapping) else ():
            if entry.name in seen:
                text = f"`{entry.name}` stands under `{seen[entry.name]}` already"
                yield _Wrong(entry.key.span, text, "give the two different names")
            seen[entry.name] = kind


def _nobody(policy: Mapping, roles: Collection[str]) -> Iterator[_Wrong]:
    """What is listed as a person and can be none, so that nobody could answer."""
    for held in (*_values(policy.get("roles")), *_values(policy.get("groups"))):
        for name in _items(held) or (held,):
            if isinstance(name, Scalar) and name.text in roles:
                text = f"`{name.text}` is a role, and what is listed here are people, groups and schedules"
                yield _Wrong(name.span, text, "name those who hold it, or a group of them")
            elif isinstance(name, Scalar) and name.text != name.text.strip():
                yield _Wrong(name.span, f"`{name.text}` has spaces around it: nobody answers under that name")


def _names(data: Json) -> Iterator[str]:
    """All that a rung may name."""
    yield from ROLES
    for section in ("roles", "groups", "schedules", "people", "ladders"):
        yield from data.get(section, {})
    for section in ("roles", "groups"):
        for people in read_people(data.get(section, {})).values():
            yield from people
    for shifts in data.get("schedules", {}).values():
        yield from [shifts] if isinstance(shifts, str) else (shift["person"] for shift in shifts)


def _rungs(policy: Mapping) -> Iterator[Mapping]:
    ladders = policy.get("ladders")
    for by_severity in _values(ladders):
        for ladder in _values(by_severity):
            rungs = ladder.get("rungs") if isinstance(ladder, Mapping) else None
            yield from (rung for rung in _items(rungs) if isinstance(rung, Mapping))


def _hours(hours: Node | None) -> Iterator[_Wrong]:
    if not isinstance(hours, Mapping):
        return
    zone, start, end = (hours.get(word) for word in ("zone", "from", "to"))
    if isinstance(zone, Scalar) and not _is_zone(zone.text):
        yield _Wrong(zone.span, f"`{zone.text}` is no time zone", _zone_hint(zone.text))
    if isinstance(start, Scalar) and isinstance(end, Scalar) and minutes(start.text) >= minutes(end.text):
        yield _Wrong(end.span, f"business hours end at {end.text}, before they begin at {start.text}")


def _shifts(schedules: Node | None) -> Iterator[_Wrong]:
    for schedule in _values(schedules):
        for shift in _items(schedule):
            ends = [shift.get(word) if isinstance(shift, Mapping) else None for word in ("from", "until")]
            moments: list[float] = []
            for end in ends:
                if isinstance(end, Scalar):
                    try:
                        moments.append(moment(end.text))
                    except ValueError:
                        yield _Wrong(end.span, f"`{end.text}` is no moment that there is")
            if len(moments) == len(ends) and moments[0] >= moments[1] and ends[1] is not None:
                yield _Wrong(ends[1].span, "the shift ends before it begins")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def _zone_hint(name: str) -> str:
    # The words of the language compare with 300 names at most, and there are twice as many zones.
    same_place: Collection[str] = [
        zone for zone in available_timezones() if zone[:1].lower() == name[:1].lower() and "/" in zone
    ]
    return did_you_mean(name, same_place) or "name one such as `Europe/Berlin`"


def _keys(mapping: Mapping) -> list[str]:
    return [entry.name for entry in mapping.entries]


def _values(node: Node | None) -> list[Node]:
    return [entry.value for entry in node.entries] if isinstance(node, Mapping) else []


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()
