"""What of an action's parameters tells whether a call changes anything."""

from __future__ import annotations

import pytest

from tests.language.cases import HEAD, really_compiled

DNS = "dns: {provider: s, zone: example.org, names: www, set: {ttl: 5}}"
HAPROXY = "haproxy: {server: s, backend: web, servers: web1, set: {state: drain}}"
RESTORE = "haproxy: {server: s, backend: web, restore: [{name: web1, state: ready, weight: 1}]}"
FAILOVER = "postgres: {server: s, failover: {to: pg2}}"


def found(call: str, more: str = "") -> tuple[str, list[str]]:
    """The effect in the Plan, and the codes of the errors."""
    approval = "    approval: incident_commander\n"
    step = f"steps:\n  - id: step\n    {call}\n{approval}{more}"
    made = really_compiled(HEAD + step)
    codes = [each.code for each in made.diagnostics if each.severity == "error"]
    return (made.plan.steps[0].effect if made.plan is not None else "", codes)


@pytest.mark.parametrize("call", [DNS, HAPROXY, RESTORE, FAILOVER])
def test_a_call_that_surely_changes_something_need_not_say_so(call: str) -> None:
    assert found(call) == ("change", [])
    assert found(call, "    effect: change\n") == ("change", [])


@pytest.mark.parametrize("call", [DNS, HAPROXY, RESTORE, FAILOVER])
def test_it_is_no_read_because_the_step_says_so(call: str) -> None:
    assert "RB511" in found(call, "    effect: read\n")[1]


@pytest.mark.parametrize(
    "call",
    [
        "dns: {resolve: www.example.org}",
        "haproxy: {server: s, backend: web}",
        "postgres: {server: s}",
        "http: {url: 'https://example.org'}",
        "http: {method: HEAD, url: 'https://example.org'}",
    ],
)
def test_a_call_that_only_looks_is_a_read(call: str) -> None:
    assert found(call)[0] in ("read", "")
    assert "RB510" not in found(call)[1]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_what_the_parameter_leaves_open_the_step_has_to_say(method: str) -> None:
    call = f"http: {{method: \"{method}\", url: 'https://example.org'}}"
    assert "RB510" in found(call)[1]
    assert "RB510" not in found(call, "    effect: read\n")[1]
