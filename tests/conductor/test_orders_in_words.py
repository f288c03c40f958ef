"""What a person reads of a call on a system, at three in the morning and on a telephone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.conductor.approval import preview
from stanch.conductor.approval.preview import command_of, target_of
from stanch.language.plan import Call
from stanch.language.render.calls import call_text
from stanch.schemas import load_catalogue
from tests.conductor.test_binding import request, step

WWW = {"name": "www", "ttl": 300}
WORDS: list[tuple[str, dict[str, Any], str]] = [
    (
        "dns",
        {"resolve": ["www.example.org", "api.example.org"]},
        "dns: A of www.example.org, api.example.org",
    ),
    (
        "dns",
        {"resolve": "www.example.org", "type": "CNAME", "provider": "ns", "fresh": True},
        "dns: CNAME of www.example.org by ns, past all caches",
    ),
    (
        "dns",
        {"zone": "example.org", "names": ["www", "api"], "set": {"cname": "second.example.net", "ttl": 60}},
        "dns: set cname second.example.net, ttl 60 on www, api (example.org)",
    ),
    (
        "dns",
        {
            "zone": "example.org",
            "records": [
                {**WWW, "type": "A", "values": ["192.0.2.1", "192.0.2.2"]},
                {**WWW, "type": "AAAA", "values": []},
                {**WWW, "type": "CNAME", "values": []},
                {**WWW, "name": "api", "type": "A", "values": []},
            ],
        },
        "dns: bring back www A 192.0.2.1, 192.0.2.2 ttl 300, no AAAA CNAME; api no A (example.org)",
    ),
    ("flag", {"name": "new-checkout", "set": "off"}, "flag new-checkout: off"),
    ("flag", {"name": "new-checkout", "set": True}, "flag new-checkout: on"),
    ("flag", {"name": "new-checkout", "set": {"percentage": 5}}, "flag new-checkout: 5% of the users"),
    ("flag", {"name": "new-checkout", "restore": {"on": 1}}, 'flag new-checkout: as it was, {"on":1}'),
    ("flag", {"name": "new-checkout"}, "flag new-checkout"),
    ("flag", {"name": "x", "evaluate": {"userId": "probe"}}, 'flag x for {"userId":"probe"}'),
    (
        "haproxy",
        {"backend": "web", "servers": ["web1", "web2"], "set": {"state": "drain"}},
        "haproxy web/web1, web/web2: drain",
    ),
    (
        "haproxy",
        {"backend": "web", "servers": "web1", "set": {"state": "ready", "weight": 50}, "at_least": 2},
        "haproxy web/web1: ready, weight 50 (at least 2 left)",
    ),
    (
        "haproxy",
        {
            "backend": "web",
            "restore": [
                {"name": "web1", "state": "ready", "weight": 100},
                {"name": "web2", "state": "ready", "weight": 100},
                {"name": "web3", "state": "maint", "weight": 100},
            ],
        },
        "haproxy web/web1, web/web2: ready, weight 100; web/web3: maint, weight 100",
    ),
    ("haproxy", {"backend": "web"}, "haproxy web"),
    ("kubernetes", {"server": "eu", "cordon": {"nodes": ["n1", "n2"]}}, "kubernetes eu: cordon n1, n2"),
    (
        "kubernetes",
        {"server": "eu", "scale": {"namespace": "shop", "name": "web", "replicas": 5}},
        "kubernetes eu: scale Deployment shop/web to 5 pods",
    ),
    (
        "kubernetes",
        {"server": "eu", "rollout_undo": {"name": "web", "away_from": 5}},
        "kubernetes eu: roll back Deployment web, away from revision 5",
    ),
    (
        "kubernetes",
        {"server": "eu", "drain": {"node": "n1", "force": True, "delete_emptydir_data": True}},
        "kubernetes eu: drain n1; pods that nobody makes again too; emptyDir data is lost",
    ),
    (
        "kubernetes",
        {"server": "eu", "get": {"kind": "Pod", "namespace": "shop", "selector": "app=web"}},
        "kubernetes eu: get every Pod in shop with app=web",
    ),
    (
        "kubernetes",
        {"server": "eu", "delete": {"kind": "Job", "namespace": "shop", "name": "import"}},
        "kubernetes eu: delete Job shop/import",
    ),
    (
        "kubernetes",
        {
            "server": "eu",
            "restore": {"manifest": {"apiVersion": "v1", "kind": "Job", "metadata": {"name": "import"}}},
        },
        "kubernetes eu: make Job import again",
    ),
    (
        "aws",
        {"service": "rds", "api": "RebootDBInstance", "region": "eu-west-1", "with": {"Id": "a"}},
        'aws rds RebootDBInstance in eu-west-1 {"Id":"a"}',
    ),
    (
        "postgres",
        {"server": "orders", "switchover": {"away_from": "pg1"}},
        "postgres orders: switch over away from pg1",
    ),
    ("postgres", {"switchover": {"to": "pg2"}}, "postgres: switch over to pg2"),
    (
        "postgres",
        {"server": "orders", "failover": {"to": "pg2"}},
        "postgres orders: fail over to pg2; what it has not received is lost",
    ),
    (
        "redis",
        {"server": "sessions", "failover": {"away_from": "10.0.0.1:6379"}},
        "redis sessions: fail over away from 10.0.0.1:6379",
    ),
    (
        "notify",
        {"channel": "incidents", "title": "SEV1", "text": "Orders fail.", "mention": ["here"]},
        "notify incidents, calling here: SEV1: Orders fail.",
    ),
    ("page", {"role": "dba", "text": "A replica needs you."}, "page dba: A replica needs you."),
    (
        "page",
        {"service": "duty", "text": "Over.", "key": "db/1", "resolve": True},
        "page duty: resolve db/1",
    ),
    ("ticket", {"tracker": "ops", "create": {"title": "It failed"}}, "ticket ops: open It failed"),
    ("ticket", {"comment": {"ticket": "#1", "text": "Over."}}, "ticket: comment on #1: Over."),
    ("ticket", {"transition": {"ticket": "OPS-1", "to": "Done"}}, "ticket: move OPS-1 to Done"),
    (
        "pull_request",
        {"repository": "config", "revert": {"last_change_of": "limits.yaml"}, "merge": True},
        "pull_request config: take back the last change of limits.yaml, and merge it",
    ),
    (
        "pull_request",
        {"revert": {"after": "1a2b3c4"}, "base": "release"},
        "pull_request: take back all after 1a2b3c4 on release",
    ),
    (
        "pipeline",
        {"system": "jobs", "job": "deploy.yml", "ref": "main", "inputs": {"env": "eu", "canary": True}},
        "pipeline jobs: start deploy.yml at main with env=eu, canary=true",
    ),
    ("pipeline", {"job": "a/b", "follow": False}, "pipeline: start a/b, and leave it to itself"),
    ("redis", {"server": "sessions"}, "redis sessions"),
    ("silence", {"matchers": {"instance": "web1"}, "for": "2h"}, "silence instance=web1 for 2h"),
    (
        "silence",
        {"server": "eu", "matchers": {"service": "api", "instance": ["web1", "web2"]}, "for": "2h"},
        "silence eu service=api, instance=web1|web2 for 2h",
    ),
    (
        "silence",
        {"matchers": ["zone=~eu-.*"], "for": "2h", "remove": True},
        "silence zone=~eu-.*: end it",
    ),
    ("logs", {"query": '{service="api"}', "since": "5m"}, 'logs: {service="api"}, the last 5m'),
    ("tcp", {"to": ["db1:5432", "db2:5432"]}, "tcp db1:5432, db2:5432"),
    ("tls", {"to": "10.0.0.1:443", "server_name": "example.org"}, "tls 10.0.0.1:443 as example.org"),
]


@pytest.mark.parametrize(("action", "params", "words"), WORDS, ids=[words for *_, words in WORDS])
def test_a_call_on_a_system_reads_as_a_person_would_say_it(
    action: str, params: dict[str, Any], words: str
) -> None:
    assert command_of(Call(action, params)) == words
    assert call_text(Call(action, params)) == words
    assert load_catalogue().actions[action].params  # it is one of those that ship


TEMPLATES: list[tuple[str, dict[str, Any], str]] = [
    (
        "haproxy",
        {"backend": "web", "servers": "${{ inputs.host }}", "set": {"weight": "${{ inputs.weight }}"}},
        "haproxy web/${{ inputs.host }}: weight ${{ inputs.weight }}",
    ),
    (
        "dns",
        {"names": "${{ inputs.names }}", "set": "${{ inputs.set }}"},
        "dns: set to ${{ inputs.set }} on ${{ inputs.names }}",
    ),
    ("dns", {"zone": "a.org", "records": "${{ steps.x.y }}"}, "dns: bring back ${{ steps.x.y }} (a.org)"),
    ("flag", {"name": "x", "set": "${{ inputs.to }}"}, "flag x: ${{ inputs.to }}"),
    (
        "silence",
        {"matchers": "${{ inputs.m }}", "for": "${{ inputs.f }}"},
        "silence ${{ inputs.m }} for ${{ inputs.f }}",
    ),
    ("tcp", {"to": "${{ inputs.places }}"}, "tcp ${{ inputs.places }}"),
]


@pytest.mark.parametrize(("action", "params", "words"), TEMPLATES)
def test_what_is_a_template_still_stays_as_it_is_written(
    action: str, params: dict[str, Any], words: str
) -> None:
    assert call_text(Call(action, params)) == words


@pytest.mark.parametrize(
    ("action", "params", "target"),
    [
        ("haproxy", {"server": "lb", "backend": "web"}, "lb"),
        ("dns", {"provider": "ns", "names": "www", "set": {"ttl": 60}}, "ns"),
        ("sql", {"database": "orders", "query": "SELECT 1"}, "orders"),
        ("tcp", {"to": ["db1:5432", "db2:5432"]}, "db1:5432, db2:5432"),
        ("flag", {"name": "x", "set": "on"}, ""),
    ],
)
def test_the_target_is_the_system_or_the_places(action: str, params: dict[str, Any], target: str) -> None:
    assert target_of(Call(action, params)) == target


def test_a_later_release_may_say_it_in_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are for people; what is approved is the call."""
    params = {"server": "lb", "backend": "web", "servers": "${{ inputs.service }}", "set": {"state": "drain"}}
    drain = step(call=Call("haproxy", params, knows=True), done=None, undo=None)
    first = request(drain)
    monkeypatch.setattr(preview, "order_text", lambda action, *_: f"please: {action}")
    second = request(drain)
    assert first.changes[0].command.startswith("haproxy web/")
    assert second.changes[0].command == "please: haproxy"
    assert first.digest == second.digest
    other = {**params, "set": {"state": "maint"}}
    assert request(replace(drain, call=Call("haproxy", other, knows=True))).digest != second.digest
