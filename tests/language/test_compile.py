"""What a Plan holds after compiling: defaults, what is inherited, and an identity that does not move."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from stanch.language.compile import Compiled, compile_library
from stanch.language.encode import plan_digest, to_data
from stanch.language.plan import Approval, Call, Check, ForEach, Plan, Poll, Require, Retry, Silence, Step
from stanch.schemas import load_catalogue
from tests.language.cases import CHECKOUT, HERE, LOOK, TODAY, codes, compiled, really_compiled, whole

SHIPPED = sorted((CHECKOUT / "runbooks").rglob("*.yaml"))


def plan_of(fragment: str) -> Plan:
    found = compiled(whole(fragment))
    assert found.plan is not None, found.diagnostics
    return found.plan


def step_of(fragment: str) -> Step:
    return plan_of(fragment).steps[0]


CHANGE = """\
- id: change
  ssh: {hosts: [web1], run: [restart]}
  effect: change
  approval: incident_commander
  idempotent: true
  undo: {ssh: {run: [stop]}}
"""
READ = "- id: read\n  prometheus: {query: up}\n"


# --- defaults -----------------------------------------------------------------------------------------------


def test_a_read_stops_the_run_when_it_fails_and_a_change_asks() -> None:
    assert step_of(READ).on_failure == "stop"
    assert step_of(CHANGE).on_failure == "ask"
    assert step_of(CHANGE + "  on_failure: undo\n").on_failure == "undo"


def test_the_time_limit_is_the_actions_own_unless_the_step_says() -> None:
    assert step_of(READ).timeout == 30.0
    assert step_of(READ + "  timeout: 1m30s\n").timeout == 90.0


def test_the_time_limit_of_a_poll_is_that_of_one_read() -> None:
    step = step_of(READ + "  until: result.value > 0.0\n  within: 10m\n")
    assert step.timeout == 30.0
    assert step.poll == Poll("result.value > 0.0", within=600.0, every=5.0)


def test_a_poll_keeps_its_words() -> None:
    step = step_of(READ + "  until: result.value > 0.0\n  within: 10m\n  every: 500ms\n  stable: 1m\n")
    assert step.poll == Poll("result.value > 0.0", within=600.0, every=0.5, stable=60.0)


def test_done_without_a_limit_waits_as_long_as_its_step() -> None:
    done = "  done: {ssh: {run: [status]}, until: result.rc == 0}\n"
    checked = step_of(CHANGE.replace("  idempotent: true\n", done) + "  timeout: 2m\n")
    assert checked.done is not None
    assert checked.done.poll.within == 120.0


@pytest.mark.parametrize(
    ("call", "effect"),
    [
        ("prometheus: {query: up}", "read"),
        ("http: {url: 'http://x/'}", "read"),
        ("http: {url: 'http://x/', method: HEAD}", "read"),
        ("http: {url: 'http://x/', method: POST}\n  effect: read", "read"),
        ("ssh: {hosts: [a], run: [x]}\n  effect: read", "read"),
        ("flag: {name: x, set: true}\n  effect: change\n  approval: incident_commander", "change"),
        ("wait: 5s", "read"),
    ],
)
def test_the_effect_is_the_actions_or_what_the_step_says(call: str, effect: str) -> None:
    assert step_of(f"- id: step\n  {call}\n").effect == effect


def test_a_runbook_without_a_title_is_called_by_its_name() -> None:
    text = whole(READ).replace("title: An example\n", "")
    found = compiled(text).plan
    assert found is not None
    assert found.title == "example"


# --- calls --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "one"),
    [
        ("[web1]", True),
        ('["${{ run.id }}"]', True),
        ("[web1, web2]", False),
        ('"${{ [run.id] }}"', False),
    ],
)
def test_a_call_names_one_target_when_a_list_of_one_is_written(hosts: str, one: bool) -> None:
    call = step_of(f"- id: step\n  ssh: {{hosts: {hosts}, run: [x]}}\n  effect: read\n").call
    assert call is not None
    assert call.one is one


def test_a_script_beside_the_action_is_one_of_its_parameters() -> None:
    call = step_of("- id: step\n  ssh: {hosts: [a]}\n  script: uptime\n  effect: read\n").call
    assert call == Call("ssh", {"hosts": ["a"], "script": "uptime"}, one=True)


def test_checks_and_undo_of_the_same_action_inherit_the_targets() -> None:
    step = step_of(
        CHANGE
        + """\
  done: {ssh: {run: [status]}, until: result.rc == 0, within: 1m}
  verify: {ssh: {hosts: [web2], run: [status]}, until: result.rc == 0, within: 1m}
"""
    )
    assert step.undo == Call("ssh", {"hosts": ["web1"], "run": ["stop"]}, one=True)
    assert step.done is not None
    assert step.done.call == Call("ssh", {"hosts": ["web1"], "run": ["status"]}, one=True)
    assert step.verify is not None
    assert step.verify.call.params["hosts"] == ["web2"]


def test_verify_by_step_repeats_that_steps_call() -> None:
    plan = plan_of(
        READ.replace("up", "errors")
        + CHANGE
        + "  verify: {step: read, until: result.value < 0.1, every: 1s, within: 1m, stable: 5s}\n"
    )
    expected = Check(Call("prometheus", {"query": "errors"}), Poll("result.value < 0.1", 60.0, 1.0, 5.0))
    assert plan.steps[1].verify == expected


def test_verify_ends_at_once_when_it_gets_worse_and_nothing_else_does() -> None:
    worse = "  verify: {step: read, until: result.value < 0.1, worse: result.value > 0.5, within: 1m}\n"
    verify = plan_of(READ + CHANGE + worse).steps[1].verify
    assert verify is not None
    assert verify.poll.worse == "result.value > 0.5"
    assert "RB402" in codes(READ + CHANGE + worse.replace("0.5", "'high'"))
    done = "  done: {http: {url: http://x/}, until: result.status == 200, worse: 'true', within: 1m}\n"
    assert "RB201" in codes(READ + CHANGE.replace("  idempotent: true\n", done))


def test_expressions_in_block_scalars_lose_only_the_space_around_them() -> None:
    step = step_of(READ + "  outputs:\n    x: |\n      result.value\n        + 1.0\n")
    assert step.outputs == {"x": "result.value\n  + 1.0"}


# --- words --------------------------------------------------------------------------------------------------


def test_a_requirement_that_reads_the_result_is_checked_afterwards() -> None:
    plan = plan_of(
        READ
        + """\
  outputs: {value: result.value}
  require:
    - {that: run.mode == "live", else: Not live.}
    - {that: result.value > 0.0, else: Down.}
    - {that: steps.read.value > 0.0, else: Down.}
    - {that: run.mode == "live", else: "Not live at ${{ result.value }}."}
"""
    )
    assert [each.after for each in plan.steps[0].require] == [False, True, True, True]
    assert plan.steps[0].require[0] == Require('run.mode == "live"', "Not live.")


def test_an_approval_is_a_role_or_says_more() -> None:
    assert step_of(CHANGE).approval == Approval(("incident_commander",))
    long = CHANGE.replace(
        "approval: incident_commander",
        "approval: {from: [a, b], quorum: 2, confirm: shop, silence: {after: 20m, then: abort}}",
    )
    assert step_of(long).approval == Approval(("a", "b"), "shop", 2, Silence(1200.0, "abort"), of_roles=2)


def test_a_loop_keeps_its_words() -> None:
    step = step_of(
        """\
- id: each
  for_each: {as: host, in: [a, b], batches: [1, 25%, 100%], pause: 30s, max_failures: 2, empty: ok}
  http: {url: "http://${{ host }}/"}
  retry: {times: 3, every: 1s}
"""
    )
    assert step.for_each == ForEach("host", ["a", "b"], (1, "25%", "100%"), 30.0, 2, empty_ok=True)
    assert step.retry == Retry(3, 1.0)


def test_blocks_nest() -> None:
    step = step_of("- id: a\n  steps:\n    - id: b\n      steps:\n        - id: c\n          wait: 1s\n")
    assert step.steps[0].steps[0] == Step(id="c", wait="1s")


# --- triggers -----------------------------------------------------------------------------------------------


def test_a_trigger_that_does_not_say_the_status_is_for_firing_alerts() -> None:
    found = compiled(whole("triggers:\n  - source: alertmanager\n    when: alert.labels.a == 'b' || true\n"))
    assert found.triggers[0].when == "alert.status == \"firing\" && (alert.labels.a == 'b' || true)"


def test_a_trigger_keeps_the_templates_of_its_inputs() -> None:
    found = compiled(
        whole(
            """\
inputs: {service: {type: string}}
triggers:
  - source: alertmanager
    when: alert.status == "firing"
    inputs: {service: "${{ alert.labels.service }}"}
locks: ["${{ inputs.service }}"]
"""
        )
    )
    (trigger,) = found.triggers
    assert (trigger.source, trigger.when) == ("alertmanager", 'alert.status == "firing"')
    assert trigger.inputs == {"service": "${{ alert.labels.service }}"}


# --- the Plan as a value ------------------------------------------------------------------------------------


def test_an_error_leaves_no_plan_and_no_triggers() -> None:
    found = compiled(whole("triggers: [{source: a, when: alert.status == 'firing'}]\nowner:\n"))
    assert found.plan is None
    assert found.triggers == ()


def shuffled(node: Any, shuffle: Callable[[list[Any]], list[Any]]) -> Any:
    if isinstance(node, dict):
        return {key: shuffled(value, shuffle) for key, value in shuffle(list(node.items()))}
    if isinstance(node, list):
        return [shuffled(value, shuffle) for value in node]
    return node


@given(st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_the_order_of_keys(random: Any) -> None:
    text = (CHECKOUT / "runbooks/rollback/rollback-release.yaml").read_text(encoding="utf-8")
    first = really_compiled(text, "rollback-release.yaml").plan
    document = shuffled(yaml.safe_load(text), lambda items: random.sample(items, len(items)))
    document["reviewed"] = str(document["reviewed"])
    second = really_compiled(yaml.safe_dump(document, sort_keys=False), "rollback-release.yaml").plan
    assert first is not None
    assert second is not None
    assert plan_digest(first) == plan_digest(second)


PLANS = [pytest.param(path, id=path.stem) for path in [*SHIPPED, HERE / "data" / "design.yaml"]]


@pytest.mark.parametrize("path", PLANS)
def test_a_plan_survives_the_way_through_the_history(path: Any) -> None:
    found = load(path)
    assert found.plan is not None
    adapter = TypeAdapter(Plan)
    written = adapter.dump_python(found.plan, mode="json", exclude_defaults=True)
    assert written == to_data(found.plan)
    assert adapter.validate_python(written) == found.plan


@pytest.mark.parametrize("path", PLANS)
def test_a_plan_holds_no_places_and_stays_small(path: Any) -> None:
    found = load(path)
    assert found.plan is not None
    for step in found.plan.steps:
        assert dataclasses.is_dataclass(step)
    assert len(TypeAdapter(Plan).dump_json(found.plan, exclude_defaults=True)) < 15_000


def load(path: Any) -> Compiled:
    name = "rollback-release.yaml" if path.stem == "design" else path.name
    return really_compiled(path.read_text(encoding="utf-8"), name)


def test_the_document_of_the_design_compiles() -> None:
    found = load(HERE / "data" / "design.yaml")
    assert found.plan is not None
    assert [step.id for step in found.plan.steps] == ["errors", "current", "roll_back"]
    assert found.diagnostics == ()


def test_nothing_is_said_about_the_shipped_runbooks() -> None:
    files = [(path.name, path.read_text(encoding="utf-8")) for path in SHIPPED]
    found = compile_library(files, load_catalogue(), TODAY)
    assert [each for file in found for each in file.diagnostics] == []


def test_a_plan_is_made_once_and_only_without_errors() -> None:
    good, bad = compiled(whole(LOOK)), compiled(whole("inputs: 1\n" + LOOK))
    assert good.plan is not None
    assert good.plan is good.plan
    assert bad.plan is None
    assert bad.private == {}
