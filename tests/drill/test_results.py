"""Short results become whole ones, as the actions' schemas and the actions themselves have them."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.ansible.action import AnsibleAction
from activities.http import Http, _is_success
from activities.prometheus import Prometheus
from activities.ssh.outcome import failure as ssh_failure
from stanch.drill.failure import failure_of
from stanch.drill.parse import parse_rehearsals
from stanch.drill.results import result_of
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
PLAY = Call("ansible", {"hosts": ["web1", "web2"], "playbook": "x.yml"})


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
    (PLAY, "{}"),
    (PLAY, "{changed: true}"),
    (PLAY, "{hosts: [{host: web1, status: failed, msg: no}, {host: web2}]}"),
    (PLAY, "{rc: 4, hosts: [{host: web1, status: unreachable, msg: no route}]}"),
]


@pytest.mark.parametrize(("call", "written"), CASES)
def test_a_short_result_becomes_one_that_the_action_could_have_given(call: Call, written: str) -> None:
    spec, result = load_catalogue().actions[call.action], made(call, written)
    for each in result if isinstance(result, list) else [result]:
        Draft202012Validator(spec.result).validate(each)


REAL = {
    "ansible": lambda result: AnsibleAction.failure(None, result),  # type: ignore[arg-type]
    "http": lambda result: Http.failure(None, result),  # type: ignore[arg-type]
    "prometheus": lambda result: Prometheus.failure(None, result),  # type: ignore[arg-type]
    "ssh": ssh_failure,
}


@pytest.mark.parametrize(("call", "written"), CASES)
def test_a_result_is_a_failure_when_the_action_itself_calls_it_one(call: Call, written: str) -> None:
    result = made(call, written)
    real, played = REAL[call.action](result), failure_of(call.action, result)
    assert (played is None) == (real is None), (played, real)
    if call.action == "ssh":
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
    ],
)
def test_what_follows_from_a_field_or_a_parameter_is_filled_in(
    call: Call, written: str, expected: dict[str, Json]
) -> None:
    result = made(call, written)
    assert {name: result[name] for name in expected} == expected
    if "json" not in expected and call is JSON:
        assert "json" not in result


def test_a_decimal_number_is_one_however_it_is_written() -> None:
    assert type(made(QUERY, "{value: 3}")["value"]) is float
    assert type(made(HTTP, "{json: {n: 3}}")["json"]["n"]) is int


def test_each_target_has_a_result_of_its_own_in_the_order_of_the_call() -> None:
    result = made(MANY, "{stdout: up, targets: {web2: {stdout: down}}}")
    assert [(each["host"], each["stdout"]) for each in result] == [("web1", "up"), ("web2", "down")]


def test_hosts_of_a_playbook_are_those_of_the_call() -> None:
    assert [each["host"] for each in made(PLAY, "{}")["hosts"]] == ["web1", "web2"]
