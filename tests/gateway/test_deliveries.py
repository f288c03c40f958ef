"""Deliveries of Alertmanager become runs: once each, and only while their alert fires."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from pathlib import Path

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionDescription

from stanch.client.start import run_url
from stanch.config import Config
from stanch.contract import RunInput, Trigger
from stanch.language.plan import Json
from stanch.library import Library, load_library
from tests.gateway.conftest import serving, with_gateway
from tests.gateway.delivering import STARTED, alert, delivery, fresh


async def post(gateway: httpx.AsyncClient, body: bytes) -> Json:
    answer = await gateway.post("/alerts/alertmanager", content=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def described(client: Client, fingerprint: str) -> WorkflowExecutionDescription:
    return await client.get_workflow_handle(f"run/checkout-errors/{fingerprint}").describe()


async def executions(client: Client, run: str) -> list[str]:
    """Ids of all executions of the workflow that Temporal lists; it lists a new one a moment late."""
    for _ in range(200):
        if found := [held.run_id async for held in client.list_workflows(f'WorkflowId = "{run}"')]:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{run} is not listed")


async def signals(client: Client, fingerprint: str) -> int:
    history = await client.get_workflow_handle(f"run/checkout-errors/{fingerprint}").fetch_history()
    return sum(
        event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED for event in history.events
    )


async def end(client: Client, fingerprint: str) -> None:
    await client.get_workflow_handle(f"run/checkout-errors/{fingerprint}").terminate("the test ends it")


async def ended(client: Client, run: str, count: int) -> None:
    """Wait until Temporal lists so many executions that are over."""
    query = f'WorkflowId = "{run}" AND ExecutionStatus != "Running"'
    for _ in range(200):
        if len([held async for held in client.list_workflows(query)]) == count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{run} is not listed {count} times")


async def test_a_firing_alert_starts_the_runbook_whose_trigger_it_fits(
    gateway: httpx.AsyncClient, client: Client, config: Config
) -> None:
    name = fresh()
    answer = await post(gateway, delivery(alert(name)))
    run = f"run/checkout-errors/{name}"
    found = await described(client, name)
    assert answer == {
        "runs": [
            {
                "run": run,
                "execution": found.run_id,
                "url": run_url(config, run),
                "runbook": "checkout-errors",
                "fingerprint": name,
                "state": "started",
            }
        ],
        "ignored": 0,
        "resolved": 0,
        "problems": [],
    }
    assert (found.workflow_type, found.id) == ("checkout-errors", run)


async def test_a_run_knows_its_alert_and_what_the_alert_says(
    gateway: httpx.AsyncClient, client: Client, library: Library
) -> None:
    name = fresh()
    await post(gateway, delivery(alert(name)))
    history = await client.get_workflow_handle(f"run/checkout-errors/{name}").fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    (given,) = await client.data_converter.decode(list(payloads), [RunInput])
    assert given.plan == library.plans["checkout-errors"]
    assert given.inputs == {"service": "checkout", "summary": "Says: errors 42 on checkout"}
    assert (given.severity, given.service, given.started_by) == ("SEV2", "checkout", "alert:alertmanager")
    assert given.trigger == Trigger(
        source="alertmanager",
        fingerprint=name,
        summary="errors 42 on checkout",
        url="http://vm:19090/graph?g0.expr=checkout_errors+%3E+10&g0.tab=1",
        started=STARTED,
    )


async def test_the_same_alert_delivered_ten_times_at_once_is_one_run(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    body = delivery(alert(name))
    answers = await asyncio.gather(*(post(gateway, body) for _ in range(10)))
    runs = [run for answer in answers for run in answer["runs"]]
    assert len(runs) == 10
    assert sorted(run["state"] for run in runs) == ["running"] * 9 + ["started"]
    (execution,) = {run["execution"] for run in runs}
    assert (await described(client, name)).run_id == execution
    assert await executions(client, runs[0]["run"]) == [execution]


async def test_two_gateways_that_get_the_same_alert_at_once_make_one_run(
    gateway: httpx.AsyncClient, client: Client, config: Config, library: Library
) -> None:
    name = fresh()
    body = delivery(alert(name))
    async with serving(config, client, library) as other:
        answers = await asyncio.gather(*(post(one, body) for one in (gateway, other) * 5))
    (execution,) = {run["execution"] for answer in answers for run in answer["runs"]}
    assert await executions(client, f"run/checkout-errors/{name}") == [execution]


async def test_an_alert_that_goes_on_firing_finds_its_run_and_writes_nothing_into_it(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    first = await post(gateway, delivery(alert(name)))
    length = (await described(client, name)).history_length
    again = await post(gateway, delivery(alert(name, annotations={"summary": "errors 99 on checkout"})))
    assert (again["runs"][0]["state"], again["runs"][0]["execution"]) == (
        "running",
        first["runs"][0]["execution"],
    )
    assert (await described(client, name)).history_length == length


async def test_an_episode_whose_run_has_ended_is_already_handled(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    first = await post(gateway, delivery(alert(name)))
    await end(client, name)
    again = await post(gateway, delivery(alert(name)))
    assert again["runs"] == [{**first["runs"][0], "state": "already_handled"}]
    assert (await described(client, name)).run_id == first["runs"][0]["execution"]


async def test_the_next_episode_of_an_alert_is_a_new_run(gateway: httpx.AsyncClient, client: Client) -> None:
    name = fresh()
    first = await post(gateway, delivery(alert(name)))
    await end(client, name)
    second = await post(gateway, delivery(alert(name, startsAt="2026-11-23T05:00:00Z")))
    assert second["runs"][0]["state"] == "started"
    assert second["runs"][0]["execution"] != first["runs"][0]["execution"]


async def test_a_resolved_alert_starts_nothing(gateway: httpx.AsyncClient, client: Client) -> None:
    name = fresh()
    answer = await post(gateway, delivery(alert(name, status="resolved")))
    assert answer == {"runs": [], "ignored": 0, "resolved": 1, "problems": []}
    with pytest.raises(Exception, match="not found"):
        await described(client, name)


async def test_a_run_is_told_once_that_its_alert_has_resolved(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    await post(gateway, delivery(alert(name)))
    resolved = delivery(alert(name, status="resolved"))
    await asyncio.gather(*(post(gateway, resolved) for _ in range(10)))
    await post(gateway, resolved)
    assert await signals(client, name) == 1


async def test_the_end_of_an_older_episode_does_not_reach_a_newer_run(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    await post(gateway, delivery(alert(name, startsAt="2026-11-23T05:00:00Z")))
    await post(gateway, delivery(alert(name, status="resolved")))
    assert await signals(client, name) == 0


async def test_a_run_is_told_once_that_its_alert_fires_again(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    await post(gateway, delivery(alert(name)))
    await post(gateway, delivery(alert(name, status="resolved")))
    for _ in range(3):
        await post(gateway, delivery(alert(name, startsAt="2026-11-23T05:00:00Z")))
    assert await signals(client, name) == 2


async def test_a_runbook_that_comes_too_often_is_started_to_ask_and_not_to_act(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    run = client.get_workflow_handle(f"run/checkout-restart/{name}")

    async def fire(hour: int) -> tuple[str, ...]:
        down = alert(name, startsAt=f"2026-11-23T{hour:02}:00:00Z", labels={"alertname": "CheckoutDown"})
        await post(gateway, delivery(down))
        given = (await run.fetch_history()).events[0].workflow_execution_started_event_attributes.input
        (pinned,) = await client.data_converter.decode(given.payloads, [RunInput])
        return tuple(pinned.flaps)

    for hour in (1, 2, 3):
        assert await fire(hour) == ()
        await run.terminate("the test ends it")
        await ended(client, run.id, hour)
    history = await fire(4)
    assert len(history) == 3
    assert all(re.fullmatch(r"began .* UTC, terminated .* UTC", line) for line in history)


async def test_a_resolved_alert_whose_run_has_ended_is_accepted(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    await post(gateway, delivery(alert(name)))
    await end(client, name)
    assert (await post(gateway, delivery(alert(name, status="resolved"))))["resolved"] == 1
    assert await signals(client, name) == 0


async def test_each_alert_of_a_mixed_delivery_is_treated_by_itself(gateway: httpx.AsyncClient) -> None:
    one, two, other, over = (fresh() for _ in range(4))
    answer = await post(
        gateway,
        delivery(
            alert(one),
            alert(over, status="resolved"),
            alert(other, labels={"alertname": "DiskFull"}),
            alert(two),
        ),
    )
    assert [(run["fingerprint"], run["state"]) for run in answer["runs"]] == [
        (one, "started"),
        (two, "started"),
    ]
    assert (answer["ignored"], answer["resolved"], answer["problems"]) == (1, 1, [])


async def test_an_alert_may_start_several_runbooks(gateway: httpx.AsyncClient) -> None:
    name = fresh()
    answer = await post(gateway, delivery(alert(name, labels={"env": "staging", "team": "checkout"})))
    assert [run["runbook"] for run in answer["runs"]] == ["checkout-errors", "staging-note"]


async def test_a_runbook_whose_inputs_the_alert_does_not_fit_is_reported_and_the_others_start(
    gateway: httpx.AsyncClient,
) -> None:
    name = fresh()
    labels = {"service": "Checkout; rm -rf /", "env": "staging", "team": "checkout"}
    answer = await post(gateway, delivery(alert(name, labels=labels)))
    assert [run["runbook"] for run in answer["runs"]] == ["staging-note"]
    (problem,) = answer["problems"]
    assert (problem["runbook"], problem["fingerprint"]) == ("checkout-errors", name)
    assert "service" in problem["reason"]
    text = (await gateway.get("/metrics")).text
    assert 'stanch_gateway_alerts_total{outcome="problem",source="alertmanager"} 1.0' in text


KEEPS_ALL = """
runbook: keep-all
title: Keep all that an alert says
kind: communication
owner: platform
reviewed: 2026-11-01
inputs:
  said: {type: object}
triggers:
  - source: alertmanager
    when: alert.status == "firing"
    inputs: {said: "${{ alert.annotations }}"}
steps: [{id: note, title: Note it, outputs: {said: inputs.said}}]
"""


@pytest.mark.parametrize("size", [3_000_000, 5_000_000])
async def test_what_temporal_will_never_take_is_a_problem_and_not_a_delivery_to_repeat(
    config: Config, client: Client, tmp_path: Path, size: int
) -> None:
    (tmp_path / "keep-all.yaml").write_text(KEEPS_ALL)
    library = load_library([tmp_path], date(2026, 11, 23))
    huge = alert(fresh(), annotations={f"part{part}": "x" * 30_000 for part in range(size // 30_000)})
    small = alert(fresh())
    async with serving(with_gateway(config, max_body=8_000_000), client, library) as gateway:
        answer = await post(gateway, delivery(huge, small))
    assert [run["fingerprint"] for run in answer["runs"]] == [small["fingerprint"]]
    assert "MB, most of it `said`, and 200 kB is the most" in answer["problems"][0]["reason"]


async def test_a_run_is_listed_with_the_severity_and_the_service_of_its_alert(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    service = "a" * 300
    await post(gateway, delivery(alert(name, labels={"service": service, "severity": "info"})))
    found = await described(client, name)
    held = {pair.key.name: pair.value for pair in found.typed_search_attributes}
    assert (held["StanchSeverity"], held["StanchService"]) == ("SEV4", "a" * 100)
