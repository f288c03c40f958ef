"""The policy's people: what a run pins of them, business hours, and names that mean nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from stanch.config import DEFAULT_LADDER, Policy, load_config
from stanch.contract import Ladder, Rung, Shift
from stanch.duty import AHEAD, Hours
from stanch.errors import InvalidInput

TEXT = """\
policy:
  named: true
  acting: primary
  roles:
    incident_commander: []
    technical_lead: [alice, database]
    service_owner: primary
  groups:
    database: [bob, night]
    unused: [zoe]
  schedules:
    night: carol
    primary:
      - {person: dave, until: 2026-11-01T08:00+01:00}
      - {person: erin, from: 2026-11-01T07:00Z, until: 2026-11-08}
    spare: yves
  hours: {zone: Europe/Berlin, from: "09:00", to: "17:30"}
  pools:
    web: [web1, web2]
  on_resolved: withdraw
  ladders:
    incident_commander:
      default:
        rungs:
          - {after: 0s, page: incident_commander, remind: 2m}
          - {after: 10m, page: technical_lead, hours: out}
        silence: {after: 30m, then: deny}
      SEV1:
        rungs: [{after: 0s, page: incident_commander}, {after: 2m, page: database}]
        silence: {after: 10m, then: abort}
        patience: 90s
pagers:
  carol: ["json://127.0.0.1:1"]
"""
IC, LEAD = "incident_commander", "technical_lead"


def policy(tmp_path: Path, text: str = TEXT) -> Policy:
    path = tmp_path / "stanch.yaml"
    path.write_text(text)
    return load_config(path, {}).policy


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_run_pins_what_its_roles_and_rungs_lead_to(tmp_path: Path) -> None:
    pinned = policy(tmp_path).for_run((IC,), "SEV3", at("2026-11-02T12:00Z"))
    assert pinned.roles == {IC: (), LEAD: ("alice", "database")}
    assert pinned.groups == {"database": ("bob", "night")}
    assert set(pinned.schedules) == {"night", "primary"}
    assert pinned.schedules["primary"] == (
        Shift("dave", 0.0, at("2026-11-01T07:00Z")),
        Shift("erin", at("2026-11-01T07:00Z"), at("2026-11-08T00:00Z")),
    )
    assert (pinned.acting, pinned.named, pinned.on_resolved) == ("primary", True, "withdraw")
    assert pinned.people == ("alice", "bob", "carol", "dave", "erin", "yves", "zoe")
    assert pinned.pools == {"web": ("web1", "web2")}


def test_a_run_pins_the_ladders_of_other_severities_where_they_differ(tmp_path: Path) -> None:
    read = policy(tmp_path)
    usual = Ladder((Rung(0, IC, remind=120), Rung(600, LEAD, hours="out")), 1800, "deny")
    steep = Ladder((Rung(0, IC), Rung(120, "database")), 600, "abort", patience=90)
    pinned = read.for_run((IC,), "SEV3")
    assert pinned.ladders == {IC: usual}
    assert pinned.by_severity == {"SEV1": {IC: steep}}
    pinned = read.for_run((IC,), "SEV1")
    assert pinned.ladders == {IC: steep}
    assert set(pinned.by_severity) == {"SEV2", "SEV3", "SEV4"}


def test_a_role_without_a_ladder_is_paged_itself_where_somebody_holds_it(tmp_path: Path) -> None:
    ladder = policy(tmp_path).for_run((LEAD,), "SEV3").ladders[LEAD]
    assert [(rung.after, rung.page) for rung in ladder.rungs] == [(0, LEAD), (600, LEAD)]
    assert Policy().for_run((LEAD,), "SEV3").ladders == {LEAD: DEFAULT_LADDER}


def test_with_named_people_a_role_that_nobody_holds_is_nobodys_and_not_anybodys(tmp_path: Path) -> None:
    pinned = policy(tmp_path).for_run((IC, "scribe", "zoe"), "SEV3")
    assert pinned.roles["scribe"] == ()
    assert "zoe" not in pinned.roles, "zoe is a person"


def test_without_a_policy_anybody_answers_as_ever() -> None:
    pinned = Policy().for_run((IC, LEAD), "SEV3")
    assert (pinned.roles, pinned.groups, pinned.schedules, pinned.by_severity) == ({}, {}, {}, {})
    assert (pinned.named, pinned.people, pinned.hours, pinned.acting) == (False, (), (), "")


def test_business_hours_keep_to_the_wall_clock_when_summer_time_ends() -> None:
    hours = Hours("Europe/Berlin", (4, 0), 9 * 60, 17 * 60 + 30)
    ahead = hours.ahead(at("2026-10-23T12:00Z"))
    assert ahead[0] == (at("2026-10-23T07:00Z"), at("2026-10-23T15:30Z")), "Friday, in summer time"
    assert ahead[1] == (at("2026-10-26T08:00Z"), at("2026-10-26T16:30Z")), "Monday, in winter time"


def test_business_hours_reach_the_end_of_the_day_and_weeks_ahead() -> None:
    start = at("2026-03-10T05:00Z")
    ahead = Hours("America/New_York", tuple(range(7)), 0, 24 * 60).ahead(start)
    assert all(one[1] == other[0] for one, other in pairwise(ahead))
    assert ahead[0][0] < start < start + AHEAD * 86400 < ahead[-1][1]


def test_hours_are_only_pinned_where_a_rung_asks_for_them(tmp_path: Path) -> None:
    moment = at("2026-11-02T12:00Z")
    read = policy(tmp_path)
    first = read.for_run((IC,), "SEV3", moment).hours[0]
    assert datetime.fromtimestamp(first[0], UTC).isoformat() == "2026-11-02T08:00:00+00:00"
    flat = policy(tmp_path, TEXT.replace(", hours: out", ""))
    assert flat.for_run((IC,), "SEV3", moment).hours == ()


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("page: database}", "page: <databse>}", "`databse` is no role, group, schedule or person"),
        ("page: database}", "page: <databse>}", "did you mean `database`?"),
        ("acting: primary", "acting: <primry>", "`primry` is no schedule of this policy"),
        ("zone: Europe/Berlin", "zone: <Europe/Berln>", "did you mean `Europe/Berlin`?"),
        ('"17:30"', '<"08:30">', "business hours end at 08:30, before they begin at 09:00"),
        ('"17:30"', "<17h>", "must be a time of day such as `09:00`"),
        ("until: 2026-11-08", "until: <2026-10-08>", "the shift ends before it begins"),
        ("from: 2026-11-01T07:00Z", "from: <2026-02-30>", "`2026-02-30` is no moment that there is"),
        ("from: 2026-11-01T07:00Z", "from: <Monday>", "`from` must be"),
        ("hours: out", "hours: <about>", "`hours` must be"),
        ("  database: [bob", "  <technical_lead>: [bob", "stands under `roles` already"),
        ("[alice, database]", "[alice, <scribe>]", "`scribe` is a role, and what is listed here are people"),
        ("[bob, night]", "[bob, <technical_lead>]", "`technical_lead` is a role"),
        ("service_owner: primary", "service_owner: <technical_lead>", "name those who hold it"),
        ("[alice, database]", '[<" alice", database]', "` alice` has spaces around it"),
        ("remind: 2m", "remind: <often>", "must be a duration"),
        ("on_resolved: withdraw", "on_resolved: <forget>", "`on_resolved` must be"),
    ],
)
def test_what_means_nobody_is_shown_at_its_place(tmp_path: Path, was: str, now: str, says: str) -> None:
    """The place is what stands between `<` and `>`."""
    assert was in TEXT
    before = TEXT.replace(was, now, 1).partition("<")[0]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    with pytest.raises(InvalidInput) as raised:
        policy(tmp_path, TEXT.replace(was, now.replace("<", "").replace(">", ""), 1))
    assert says in str(raised.value)
    assert f"stanch.yaml:{line}:{column}" in str(raised.value)


def test_a_rung_with_hours_needs_business_hours(tmp_path: Path) -> None:
    text = TEXT.replace("  hours: {", "  # hours: {")
    with pytest.raises(InvalidInput, match="there are no business hours"):
        policy(tmp_path, text)


def test_a_rung_may_page_whoever_has_a_pager(tmp_path: Path) -> None:
    ladder = "{rungs: [{after: 0s, page: bob}], silence: {after: 5m, then: deny}}"
    text = f"policy:\n  ladders:\n    incident_commander:\n      default: {ladder}\n"
    with pytest.raises(InvalidInput, match="`bob` is no role"):
        policy(tmp_path, text)
    assert policy(tmp_path, text + 'pagers: {bob: ["json://127.0.0.1:1"]}\n').ladders
