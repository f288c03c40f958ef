"""Short results become whole ones, as the actions' schemas and the actions themselves have them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.ansible.action import AnsibleAction
from activities.aws import Aws
from activities.command import Command
from activities.dns import Dns
from activities.file import File
from activities.flag import Flag
from activities.haproxy import Haproxy
from activities.http import Http, _is_success
from activities.kubernetes import Kubernetes
from activities.logs import Logs
from activities.notify import Notify
from activities.page_out import PageOut
from activities.pipeline import Pipeline
from activities.postgres import Postgres
from activities.prometheus.action import Prometheus
from activities.pull_request import PullRequest
from activities.redis import Redis
from activities.release import Release
from activities.silence import Silence
from activities.sql import Sql
from activities.ssh.outcome import failure as ssh_failure
from activities.systemd.action import Systemd
from activities.tcp import Tcp
from activities.ticket import Ticket
from activities.tls import Tls
from stanch.drill.rehearsal.parse import parse_rehearsals
from stanch.drill.scripted.failure import failure_of
from stanch.drill.scripted.results import result_of
from stanch.language.plan import Call, Json
from stanch.schemas import load_catalogue
from tests.drill.support import forms

HTTP = Call("http", {"url": "http://x/health"})
ACCEPTING = Call("http", {"url": "http://x/", "method": "HEAD", "accept": [200, 503]})
QUERY = Call("prometheus", {"query": "up"})
ONE = Call("ssh", {"hosts": ["web1"], "run": ["x"]}, one=True)
MANY = Call("ssh", {"hosts": ["web1", "web2"], "run": ["x"]})
LINES = Call("ssh", {"hosts": ["web1"], "run": ["x"], "output": "lines"}, one=True)
JSON = Call("ssh", {"hosts": ["web1"], "run": ["x"], "output": "json"}, one=True)
HERE = Call("command", {"run": ["x"], "output": "json"})
PLAY = Call("ansible", {"hosts": ["web1", "web2"], "playbook": "x.yml"})
PORT = Call("tcp", {"to": "db1:5432"}, one=True)
PORTS = Call("tcp", {"to": ["db1:5432", "db2:5432"]})
SHOWN = Call("tls", {"to": "www.example.org:443"}, one=True)
NAMES = Call("dns", {"resolve": ["www.example.org", "api.example.org"]})
ALIAS = Call(
    "dns", {"zone": "example.org", "names": ["www", "api"], "set": {"cname": ["a.net.", "b.net."], "ttl": 60}}
)
ADDRESSES = Call("dns", {"names": "www", "set": {"a": ["192.0.2.7", "192.0.2.8"]}})
RECORDS = Call(
    "dns",
    {
        "zone": "example.org",
        "records": [
            {"name": "www", "type": "A", "ttl": 300, "values": ["192.0.2.1"]},
            {"name": "www", "type": "CNAME", "ttl": 0, "values": []},
        ],
    },
)
FLAG = Call("flag", {"name": "checkout"})
OFF = Call("flag", {"name": "checkout", "set": "off"}, knows=True)
TENTH = Call("flag", {"name": "checkout", "set": {"percentage": 10}}, knows=True)
TOLD = Call("flag", {"name": "checkout", "evaluate": {"userId": "probe"}})
BACKEND = Call("haproxy", {"backend": "web"})
DRAIN = Call(
    "haproxy", {"backend": "web", "servers": ["web1", "web2"], "set": {"state": "drain"}}, knows=True
)
READY = Call(
    "haproxy", {"backend": "web", "restore": [{"name": "web1", "state": "ready", "weight": 50}]}, knows=True
)
LEADER = Call("postgres", {"server": "orders"})
AWAY = Call("postgres", {"server": "orders", "switchover": {"away_from": "pg1"}}, knows=True)
PROMOTED = Call("postgres", {"server": "orders", "failover": {"to": "pg3"}}, knows=True)
MASTER = Call("redis", {"server": "sessions"})
MOVED = Call("redis", {"failover": {"away_from": "192.0.2.1:6379"}}, knows=True)
ROWS = Call("sql", {"database": "orders", "query": "SELECT 1"}, one=True)
EVERY = Call("sql", {"database": ["orders", "users"], "query": "SELECT 1"})
LINES_KEPT = Call("logs", {"query": '{service="api"}'})
SILENCE = Call("silence", {"matchers": {"instance": "web1"}, "for": "2h"}, knows=True)
HEARD = Call("silence", {"matchers": {"instance": "web1"}, "for": "2h", "remove": True}, knows=True)

INSTANCES = Call("aws", {"service": "ec2", "api": "DescribeInstances"})
SAID = Call("notify", {"channel": "incidents", "text": "It fails."})
CALLED = Call("page", {"role": "dba", "text": "It fails."})
OPENED = Call("ticket", {"create": {"title": "It failed"}})
MOVED_TO = Call("ticket", {"transition": {"ticket": "OPS-7", "to": "Done"}})
REVERTED = Call("pull_request", {"revert": {"commit": "1a2b3c4"}, "merge": True}, knows=True)
STARTED = Call("pipeline", {"job": "deploy.yml"})
LEFT = Call("pipeline", {"job": "deploy.yml", "follow": False})
PODS = Call("kubernetes", {"server": "eu", "get": {"kind": "Pod"}})
UNIT = Call("systemd", {"hosts": ["web1"], "unit": "shop"}, one=True)
UNITS = Call("systemd", {"hosts": ["web1", "web2"], "unit": "shop.service", "set": "restarted"}, knows=True)
LINKED = Call("release", {"hosts": ["web1"], "path": "/srv/shop"}, one=True)
SWITCHED = Call("release", {"hosts": ["web1"], "path": "/srv/shop", "to": "v41"}, one=True, knows=True)
NODE = Call("kubernetes", {"server": "eu", "drain": {"node": "n1"}}, knows=True)
ROLLOUT = Call("kubernetes", {"server": "eu", "rollout_status": {"name": "web"}})


def made(call: Call, written: str) -> Any:
    """The result for what is written of it."""
    text = f"rehearsal: it\nrunbook: x\ngiven: {{step: {written}}}\nexpect: {{outcome: failed}}\n"
    found = parse_rehearsals("it.yaml", text.encode(), forms().document)
    assert found.diagnostics == ()
    ((rehearsal, _),) = found.rehearsals
    return result_of(load_catalogue().actions[call.action], call, rehearsal.given["step"].takes[0].look)


CASES = [
    (HTTP, "{}"),
    (HTTP, "{status: 404, body: nothing here}"),
    (HTTP, "{status: 301}"),
    (HTTP, "{json: {a: [1, 2]}}"),
    (ACCEPTING, "{status: 503, headers: {retry-after: '3'}}"),
    (ACCEPTING, "{status: 500}"),
    (QUERY, "{value: 3}"),
    (QUERY, "{special: NaN}"),
    (QUERY, "{series: []}"),
    (QUERY, "{series: [{value: 1}, {labels: {host: a}, value: 2.5}]}"),
    (ONE, "{}"),
    (ONE, "{rc: 3, stderr: 'a\n\nb\n'}"),
    (ONE, "{rc: 3}"),
    (MANY, "{stdout: up}"),
    (MANY, "{targets: {web2: {rc: 1, stderr: no}}}"),
    (MANY, "{result: [{rc: 1}, {rc: 2}]}"),
    (LINES, "{stdout: 'a\nb\n'}"),
    (LINES, "{lines: [a, b]}"),
    (JSON, "{json: {a: 1}}"),
    (JSON, "{stdout: '[1]'}"),
    (HERE, "{json: {a: 1}}"),
    (HERE, "{rc: 3, stderr: 'a\n\nb\n'}"),
    (HERE, "{rc: -1}"),
    (PLAY, "{}"),
    (PLAY, "{changed: true}"),
    (PLAY, "{hosts: [{host: web1, status: failed, msg: no}, {host: web2}]}"),
    (PLAY, "{rc: 4, hosts: [{host: web1, status: unreachable, msg: no route}]}"),
    (SAID, "{}"),
    (CALLED, "{}"),
    (OPENED, "{key: OPS-9}"),
    (MOVED_TO, "{}"),
    (REVERTED, "{}"),
    (REVERTED, "{merged: false}"),
    (STARTED, "{}"),
    (STARTED, "{status: failed}"),
    (STARTED, "{ok: false}"),
    (STARTED, "{status: cancelled, conclusion: aborted}"),
    (LEFT, "{}"),
    (PORT, "{}"),
    (PORT, "{open: false}"),
    (PORT, "{error: no route to host}"),
    (PORTS, "{targets: {'db2:5432': {open: false, error: connection refused}}}"),
    (SHOWN, "{}"),
    (SHOWN, "{trusted: false}"),
    (SHOWN, "{error: its certificate is not trusted}"),
    (SHOWN, "{days_left: -1}"),
    (SHOWN, "{days_left: 3, chain: [{subject: CN=www}]}"),
    (NAMES, "{}"),
    (NAMES, "{answers: [{values: [192.0.2.9]}, {values: []}]}"),
    (NAMES, "{answers: []}"),
    (ALIAS, "{}"),
    (ALIAS, "{old_ttl: 3600}"),
    (ADDRESSES, "{}"),
    (RECORDS, "{}"),
    (FLAG, "{}"),
    (FLAG, "{on: true}"),
    (FLAG, "{percentage: 5}"),
    (OFF, "{}"),
    (TENTH, "{}"),
    (TOLD, "{value: variant-b}"),
    (BACKEND, "{servers: [{name: web1, sessions: 3}, {name: web2, state: maint}]}"),
    (DRAIN, "{}"),
    (DRAIN, "{servers: [{sessions: 12}]}"),
    (READY, "{}"),
    (LEADER, "{}"),
    (LEADER, "{leader: ''}"),
    (LEADER, "{members: [{name: a}, {name: b, role: leader}]}"),
    (LEADER, "{members: [{name: a, lag: 100}]}"),
    (AWAY, "{}"),
    (PROMOTED, "{paused: true}"),
    (MASTER, "{}"),
    (MASTER, "{master: ''}"),
    (MASTER, "{sentinels: 1, replicas: [{address: '192.0.2.2:6379', up: false}]}"),
    (MOVED, "{}"),
    (ROWS, "{}"),
    (ROWS, "{rows: [{id: 1, state: idle}, {id: 2, state: active}]}"),
    (EVERY, "{targets: {users: {rows: [{id: 7}]}}}"),
    (LINES_KEPT, "{}"),
    (LINES_KEPT, "{lines: [{line: it timed out, at: 17}]}"),
    (SILENCE, "{}"),
    (SILENCE, "{alerts: 2}"),
    (HEARD, "{}"),
    (INSTANCES, "{json: [i-1, i-2]}"),
    (INSTANCES, "{found: false}"),
    (PODS, "{objects: [{metadata: {name: web-1}}]}"),
    (PODS, "{found: false}"),
    (ROLLOUT, "{}"),
    (ROLLOUT, "{rollout: {complete: false, ready: 1}}"),
    (UNIT, "{}"),
    (UNIT, "{active: failed}"),
    (UNITS, "{active: failed}"),
    (LINKED, "{current: v42}"),
    (SWITCHED, "{}"),
    (NODE, "{}"),
    (NODE, "{pods: [{name: web-1, state: gone}]}"),
    (NODE, "{pods: [{namespace: shop, name: web-1, state: held}, {name: web-2, state: gone}]}"),
]


@pytest.mark.parametrize(("call", "written"), CASES)
def test_a_short_result_becomes_one_that_the_action_could_have_given(call: Call, written: str) -> None:
    spec, result = load_catalogue().actions[call.action], made(call, written)
    for each in result if isinstance(result, list) else [result]:
        Draft202012Validator(spec.result).validate(each)


WORD_FOR_WORD = ("command", "dns", "pipeline", "postgres", "redis", "ssh", "tcp", "tls")
ACTIONS: tuple[Any, ...] = (
    AnsibleAction,
    Aws,
    Command,
    Dns,
    File,
    Flag,
    Haproxy,
    Http,
    Kubernetes,
    Logs,
    Notify,
    PageOut,
    Pipeline,
    Postgres,
    Prometheus,
    PullRequest,
    Redis,
    Release,
    Silence,
    Sql,
    Systemd,
    Tcp,
    Ticket,
    Tls,
)
REAL: dict[str, Callable[[Any], str | None]] = {
    "ssh": ssh_failure,
    **{action.name: partial(action.failure, None) for action in ACTIONS},
}


@pytest.mark.parametrize(("call", "written"), CASES)
def test_a_result_is_a_failure_when_the_action_itself_calls_it_one(call: Call, written: str) -> None:
    result = made(call, written)
    real, played = REAL[call.action](result), failure_of(call.action, result)
    assert (played is None) == (real is None), (played, real)
    if call.action in WORD_FOR_WORD:
        assert played == real


@pytest.mark.parametrize("status", [100, 200, 204, 299, 300, 301, 302, 304, 307, 308, 399, 400, 404, 500])
def test_a_status_is_accepted_when_the_action_would_accept_it(status: int) -> None:
    assert made(HTTP, f"{{status: {status}}}")["accepted"] == _is_success(status)


def test_every_action_that_ships_is_judged_or_cannot_fail_by_its_result() -> None:
    assert set(load_catalogue().actions) - {"manual"} == set(REAL)


@pytest.mark.parametrize(
    ("call", "written", "expected"),
    [
        (
            HTTP,
            "{json: {a: 1}}",
            {"status": 200, "accepted": True, "body": '{"a": 1}', "url": "http://x/health"},
        ),
        (ACCEPTING, "{status: 503}", {"accepted": True, "method": "HEAD"}),
        (QUERY, "{value: 3}", {"value": 3.0, "series": [{"labels": {}, "value": 3.0}], "query": "up"}),
        (QUERY, "{series: [{value: 1}]}", {"value": 1.0, "series": [{"labels": {}, "value": 1.0}]}),
        (LINES, '{stdout: "a\\n\\nb\\n"}', {"lines": ["a", "", "b"], "host": "web1", "rc": 0}),
        (LINES, "{lines: [a, b]}", {"stdout": "a\nb\n"}),
        (JSON, "{stdout: '[1]'}", {"json": [1]}),
        (JSON, "{stdout: nonsense}", {"stdout": "nonsense"}),
        (PLAY, "{}", {"rc": 0, "changed": False}),
        (PORT, "{}", {"to": "db1:5432", "open": True, "error": ""}),
        (PORT, "{error: no route}", {"open": False, "error": "no route"}),
        (SHOWN, "{}", {"to": "www.example.org:443", "trusted": True, "error": ""}),
        (SHOWN, "{days_left: -1}", {"trusted": False}),
        (ADDRESSES, "{}", {"changed": True}),
        (OFF, "{}", {"name": "checkout", "on": False, "percentage": 0.0}),
        (TENTH, "{}", {"on": True, "percentage": 10.0}),
        (FLAG, "{percentage: 5}", {"on": True, "percentage": 5.0}),
        (FLAG, "{on: true}", {"on": True, "percentage": 100.0}),
        (TOLD, "{value: true}", {"on": True, "value": True}),
        (TOLD, "{value: variant-b}", {"on": False, "value": "variant-b"}),
        (AWAY, "{}", {"leader": "pg2"}),
        (PROMOTED, "{}", {"leader": "pg3"}),
        (LEADER, "{members: [{name: a}, {name: b, role: leader}]}", {"leader": "b"}),
        (MOVED, "{}", {"master": "192.0.2.2:6379", "writable": True, "quorum": True}),
        (MASTER, "{sentinels: 1}", {"quorum": False}),
        (
            ROWS,
            "{rows: [{id: 1, state: idle}]}",
            {"database": "orders", "columns": ["id", "state"], "count": 1},
        ),
        (ROWS, "{count: 40}", {"count": 40, "rows": []}),
        (LINES_KEPT, "{lines: [{line: a}, {line: b}]}", {"count": 2, "truncated": False}),
        (SILENCE, "{}", {"ids": ["rehearsal"]}),
        (HEARD, "{}", {"ids": [], "ends": 0.0}),
    ],
)
def test_what_follows_from_a_field_or_a_parameter_is_filled_in(
    call: Call, written: str, expected: dict[str, Json]
) -> None:
    result = made(call, written)
    assert {name: result[name] for name in expected} == expected
    if "json" not in expected and call is JSON:
        assert "json" not in result


def test_a_range_of_one_value_is_a_series_that_stayed_there() -> None:
    call = Call("prometheus", {"query": "up", "range": {"last": "1h"}})
    result = made(call, "{value: 0.5}")
    assert (result["type"], result["value"], result["series"][0]["last"]) == ("range", 0.5, 0.5)
    assert made(call, "{special: NaN}")["series"][0]["points"] == []


def test_pages_are_one_list_that_is_counted() -> None:
    call = Call("http", {"url": "http://x/", "pages": {}})
    result = made(call, "{json: [1, 2]}")
    assert (result["json"], result["count"], result["pages"], result["body"]) == ([1, 2], 2, 1, "")


def test_a_decimal_number_is_one_however_it_is_written() -> None:
    assert type(made(QUERY, "{value: 3}")["value"]) is float
    assert type(made(HTTP, "{json: {n: 3}}")["json"]["n"]) is int


def test_each_target_has_a_result_of_its_own_in_the_order_of_the_call() -> None:
    result = made(MANY, "{stdout: up, targets: {web2: {stdout: down}}}")
    assert [(each["host"], each["stdout"]) for each in result] == [("web1", "up"), ("web2", "down")]


def test_names_that_are_asked_for_have_answers_and_each_is_said_in_their_order() -> None:
    usual = made(NAMES, "{}")["answers"]
    assert [(each["name"], bool(each["values"])) for each in usual] == [
        ("www.example.org", True),
        ("api.example.org", True),
    ]
    said = made(NAMES, "{answers: [{values: [192.0.2.9]}, {values: []}]}")["answers"]
    assert [(each["name"], each["values"]) for each in said] == [
        ("www.example.org", ["192.0.2.9"]),
        ("api.example.org", []),
    ]


def test_a_change_of_records_gives_what_it_has_set() -> None:
    first, second = made(ALIAS, "{}")["answers"]
    assert (first["name"], first["type"], first["ttl"], first["values"]) == ("www", "CNAME", 60, ["a.net."])
    assert (second["name"], second["target"]) == ("api", "b.net.")
    assert [each["values"] for each in made(ADDRESSES, "{}")["answers"]] == [["192.0.2.7", "192.0.2.8"]]
    assert [(each["name"], each["ttl"]) for each in made(RECORDS, "{}")["answers"]] == [("www", 300)]


def test_servers_are_as_they_were_told_and_what_is_said_of_them_besides() -> None:
    servers = made(DRAIN, "{servers: [{name: web2, sessions: 4}]}")["servers"]
    assert [(each["name"], each["state"], each["status"], each["sessions"]) for each in servers] == [
        ("web2", "drain", "DRAIN", 4),
        ("web1", "drain", "DRAIN", 0),
    ]
    assert [each["weight"] for each in made(READY, "{}")["servers"]] == [50]


def test_members_of_a_cluster_are_complete_round_the_one_that_leads() -> None:
    members = made(AWAY, "{}")["members"]
    assert [(each["name"], each["role"], each["state"]) for each in members] == [
        ("pg2", "leader", "running"),
        ("pg1", "replica", "streaming"),
    ]


def test_hosts_of_a_playbook_are_those_of_the_call() -> None:
    assert [each["host"] for each in made(PLAY, "{}")["hosts"]] == ["web1", "web2"]
