"""Changes by actions that look by themselves whether they are in place, and that know their way back."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from stanch.drill.rehearsal.parse import parse_rehearsals
from stanch.drill.scripted.knowing import way_back
from stanch.language.plan import Call
from stanch.schemas import load_catalogue
from tests.drill.support import as_expected, check, compiled, forms

DRAIN = """\
steps:
  - id: drain
    title: Take it out
    approval: incident_commander
    haproxy: {server: lb, backend: web, servers: [web1], set: {state: drain}}
"""


def test_it_is_in_place_after_it_was_executed_where_nothing_is_said() -> None:
    script = """\
people: {drain: approve}
expect:
  outcome: succeeded
  took: 0s
  ledger:
    - command: "haproxy web/web1: drain"
      undo: "haproxy web/web1: ready, weight 1"
      undone: false
"""
    as_expected(script, compiled(DRAIN))


def test_what_was_there_before_is_the_way_back() -> None:
    script = """\
given: {drain: {before: {servers: [{name: web1, weight: 70}], takes: 3s}}}
people: {drain: approve}
expect:
  outcome: succeeded
  took: 3s
  ledger: [{undo: "haproxy web/web1: ready, weight 70"}]
"""
    as_expected(script, compiled(DRAIN))


@pytest.mark.parametrize("how", ["already: true", "before: {in_place: true}"])
def test_what_is_in_place_already_is_not_executed_and_not_in_the_ledger(how: str) -> None:
    script = f"""\
given: {{drain: {{{how}, takes: 1s}}}}
people: {{drain: approve}}
expect: {{outcome: succeeded, ledger: [], took: 1s}}
"""
    as_expected(script, compiled(DRAIN))


def test_what_does_not_come_to_be_in_place_has_failed() -> None:
    script = """\
given: {drain: {done: {in_place: false}}}
people: {drain: [approve, abort]}
expect:
  outcome: aborted
  requests:
    - kind: approval
    - {kind: failure, evidence: ["what it should do is not in place"]}
  took: 30s
"""
    as_expected(script, compiled(DRAIN.replace("    title", "    on_failure: ask\n    title")))


def test_it_is_asked_until_it_is_in_place() -> None:
    script = """\
given: {drain: {done: [{in_place: false}, {in_place: false}, {in_place: true}]}}
people: {drain: approve}
expect: {outcome: succeeded, took: 2s}
"""
    as_expected(script, compiled(DRAIN))


@pytest.mark.parametrize("said", ["", "done: {in_place: true}, "])
def test_a_lost_change_that_is_found_in_place_was_made(said: str) -> None:
    script = f"""\
given: {{drain: {{{said}lost: the socket was closed}}}}
people: {{drain: approve}}
expect:
  outcome: succeeded
  ledger: [{{undo: "haproxy web/web1: ready, weight 1"}}]
"""
    as_expected(script, compiled(DRAIN))


def test_a_lost_change_about_which_nothing_can_be_asked_is_for_a_person_to_settle() -> None:
    script = """\
given: {drain: {lost: the socket was closed, done: {unreachable: no route}}}
people: {drain: [approve, {done: I looked myself}]}
expect:
  outcome: succeeded
  requests: [{kind: approval}, {kind: in_doubt}]
  ledger: [{undo: "haproxy web/web1: ready, weight 1"}]
"""
    as_expected(script, compiled(DRAIN))


def test_what_was_executed_and_cannot_be_looked_at_is_for_a_person_to_settle() -> None:
    script = """\
given: {drain: {done: {unreachable: no route}}}
people: {drain: [approve, {done: I looked myself}]}
expect: {outcome: succeeded, requests: [{kind: approval}, {kind: in_doubt}]}
"""
    as_expected(script, compiled(DRAIN))


def test_what_cannot_be_looked_at_before_is_not_executed() -> None:
    script = """\
given: {drain: {before: {unreachable: no such socket}}}
people: {drain: [approve, abort]}
expect:
  outcome: aborted
  requests: [{kind: approval}, {kind: failure, evidence: [no such socket]}]
  ledger: []
"""
    as_expected(script, compiled(DRAIN))


def test_the_way_back_that_it_knows_is_gone() -> None:
    text = (
        DRAIN
        + """\
    verify: {tcp: {to: "web1:80"}, until: "!result.open", within: 10s}
    on_failure: undo
"""
    )
    script = """\
given: {drain: {verify: {open: true}, undo: {takes: 4s}}}
people: {drain: approve}
expect: {outcome: failed, ledger: [{step: drain, undone: true}], took: 14s}
"""
    as_expected(script, compiled(text))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "{done: {in_place: perhaps}}",
            "`in_place` must be `true` or `false`, not text",
        ),
        ("{done: {in_plaice: false}}", "`in_plaice` is not a word of what `done` of `drain` sees"),
        ("{in_place: true}", "`in_place` is not a word of what `drain` gives"),
    ],
)
def test_what_is_said_wrongly_of_it_is_told(given: str, said: str) -> None:
    (found,) = check(f"given: {{drain: {given}}}\npeople: {{drain: approve}}\n", compiled(DRAIN))
    assert said in found.message


CALLS: list[tuple[str, dict[str, Any], str, dict[str, Any] | None]] = [
    (
        "dns",
        {"zone": "example.org", "names": ["www"], "set": {"cname": "b.net"}},
        "{answers: [{name: www, type: A, ttl: 300, values: [192.0.2.1]}]}",
        {
            "zone": "example.org",
            "records": [
                {"name": "www", "type": "A", "ttl": 300, "values": ["192.0.2.1"]},
                *({"name": "www", "type": kind, "ttl": 0, "values": []} for kind in ("AAAA", "CNAME", "TXT")),
            ],
        },
    ),
    (
        "flag",
        {"name": "x", "set": "off"},
        "{percentage: 40}",
        {"name": "x", "restore": {"on": True, "percentage": 40}},
    ),
    ("flag", {"name": "x", "restore": {"on": True}}, "{}", None),
    (
        "file",
        {"path": "/etc/x", "content": "new", "hosts": ["web1"]},
        "{content: old, mode: '0600'}",
        {"path": "/etc/x", "hosts": ["web1"], "restore": {"web1": {"content": "old", "mode": "0600"}}},
    ),
    (
        "file",
        {"path": "/etc/x", "content": "new", "hosts": ["web1"]},
        "{exists: false}",
        {"path": "/etc/x", "hosts": ["web1"], "restore": {"web1": {"absent": True}}},
    ),
    (
        "release",
        {"path": "/srv/shop", "to": "v41", "hosts": ["web1"]},
        "{current: v42}",
        {"path": "/srv/shop", "hosts": ["web1"], "restore": [{"host": "web1", "release": "v42"}]},
    ),
    (
        "systemd",
        {"unit": "shop.service", "set": "stopped", "hosts": ["web1"]},
        "{active: active}",
        {"unit": "shop.service", "hosts": ["web1"], "restore": [{"host": "web1", "active": True}]},
    ),
    (
        "haproxy",
        {"backend": "web", "restore": [{"name": "web1", "state": "ready", "weight": 9}]},
        "{servers: [{name: web1, state: maint, weight: 5}, {name: web2}]}",
        {"backend": "web", "restore": [{"name": "web1", "state": "maint", "weight": 5}]},
    ),
    (
        "pull_request",
        {"revert": {"commit": "1a2b3c4"}, "title": "Back", "merge": True},
        "{branch: stanch/x}",
        {"revert": {"request": "stanch/x"}, "branch": "stanch/x-back", "merge": True},
    ),
    ("pull_request", {"revert": {"request": "stanch/x"}, "branch": "stanch/y"}, "{}", None),
    ("postgres", {"failover": {"to": "pg2"}}, "{leader: ''}", None),
    ("postgres", {"failover": {"to": "pg2"}}, "{leader: pg3}", {"switchover": {"to": "pg3"}}),
    ("postgres", {"switchover": {"away_from": "pg7"}}, "{}", {"switchover": {"to": "pg7"}}),
    ("redis", {"failover": {"away_from": "a:1"}}, "{}", {"failover": {"to": "a:1"}}),
    (
        "silence",
        {"matchers": {"a": "b"}, "for": "1h"},
        "{}",
        {"matchers": {"a": "b"}, "for": "1h", "remove": True},
    ),
    ("silence", {"matchers": {"a": "b"}, "for": "1h", "remove": True}, "{}", None),
    (
        "kubernetes",
        {"server": "eu", "scale": {"name": "web", "replicas": 0}},
        "{rollout: {desired: 7}}",
        {"server": "eu", "scale": {"name": "web", "replicas": 7}},
    ),
    (
        "kubernetes",
        {"server": "eu", "rollout_undo": {"name": "web", "away_from": 5}},
        "{rollout: {revision: 5}}",
        {"server": "eu", "rollout_undo": {"name": "web", "to": 5}},
    ),
    (
        "kubernetes",
        {"server": "eu", "patch": {"kind": "Service", "name": "web", "patch": {"spec": {"a": 1, "b": 2}}}},
        "{object: {spec: {a: 0}}}",
        {
            "server": "eu",
            "patch": {"kind": "Service", "name": "web", "patch": {"spec": {"a": 0, "b": None}}},
        },
    ),
    (
        "kubernetes",
        {"server": "eu", "delete": {"kind": "Job", "name": "x"}},
        "{}",
        {
            "server": "eu",
            "restore": {"manifest": {"apiVersion": "v1", "kind": "Job", "metadata": {"name": "x"}}},
        },
    ),
    (
        "kubernetes",
        {"server": "eu", "drain": {"node": "n1"}},
        "{}",
        {"server": "eu", "uncordon": {"nodes": ["n1"]}},
    ),
    ("kubernetes", {"server": "eu", "restart": {"name": "web", "since": "2026-11-20T10:00:00Z"}}, "{}", None),
]


@pytest.mark.parametrize(("action", "params", "before", "expected"), CALLS)
def test_the_way_back_is_a_call_that_the_action_takes(
    action: str, params: dict[str, Any], before: str, expected: dict[str, Any] | None
) -> None:
    text = f"rehearsal: it\nrunbook: x\ngiven: {{s: {{before: {before}}}}}\nexpect: {{outcome: failed}}\n"
    ((rehearsal, _),) = parse_rehearsals("it.yaml", text.encode(), forms().document).rehearsals
    back = way_back(Call(action, params, knows=True), rehearsal.given["s"].takes[0].before)
    assert (None if back is None else back.params) == expected
    if back is not None:
        Draft202012Validator(load_catalogue().actions[action].params).validate(back.params)
        assert back.knows


def test_of_every_action_that_knows_a_way_back_is_made() -> None:
    knowing = {name for name, spec in load_catalogue().actions.items() if spec.knows_undo}
    assert {action for action, *_, expected in CALLS if expected is not None} == knowing
