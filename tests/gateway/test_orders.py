"""`/api/v1`: orders to a run and to a whole incident, with a real worker behind them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.incident import ended_runs, join_incident, tell_run
from activities.lease import ask_lease, look_at_holders
from activities.page import Pager
from stanch.config import Config
from stanch.contract import TASK_QUEUE
from stanch.language.plan import Call, Json, Step
from tests.gateway.test_api import decision, start, until
from tests.support.plans import plan
from tests.support.world import begin
from workflows.incident import IncidentWorkflow
from workflows.lease import LeaseWorkflow
from workflows.runbook import RunbookWorkflow


@pytest.fixture(autouse=True)
async def worker(client: Client, config: Config) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[RunbookWorkflow, IncidentWorkflow, LeaseWorkflow],
        activities=[
            Pager(config.pagers).page,
            tell_run,
            join_incident,
            ended_runs,
            ask_lease,
            look_at_holders,
        ],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


@pytest.fixture
def incident() -> str:
    return f"db-{uuid.uuid4().hex[:8]}"


async def order(gateway: httpx.AsyncClient, run: str, verb: str, **fields: Json) -> httpx.Response:
    return await gateway.post(f"/api/v1/runs/{run}/orders", json={"verb": verb, "by": "grace", **fields})


async def test_a_run_is_paused_and_resumed(gateway: httpx.AsyncClient) -> None:
    run = await start(gateway)
    await until(gateway, run, "requests")
    paused = await order(gateway, run, "pause", reason="wait")
    assert (paused.status_code, paused.json()["message"]) == (200, "pause recorded")
    seen = await until(gateway, run, "paused")
    assert (seen["paused"].startswith("grace paused it at"), "via api" in str(seen["timeline"])) == (
        True,
        True,
    )
    assert (await order(gateway, run, "resume")).status_code == 200
    assert (await gateway.get(f"/api/v1/runs/{run}")).json()["paused"] == ""


async def test_what_a_run_refuses_is_409_with_its_reason_and_changes_nothing(
    gateway: httpx.AsyncClient,
) -> None:
    run = await start(gateway)
    before = await until(gateway, run, "requests")
    for verb, fields, why in (
        ("resume", {}, "is not paused"),
        ("pause", {}, "`pause` needs a reason"),
        ("withdraw", {"reason": "x"}, "grace has decided nothing"),
    ):
        refused = await order(gateway, run, verb, **fields)
        assert (refused.status_code, list(refused.json())) == (409, ["error"])
        assert why in refused.json()["error"]
    assert (await until(gateway, run, "requests"))["timeline"] == before["timeline"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"verb": "fly"}, "verb: "),
        ({"verb": "pause", "why": "x"}, "`why` is not expected here"),
        ({}, "verb: "),
    ],
)
async def test_an_order_that_is_none_is_400_with_the_place(
    gateway: httpx.AsyncClient, fields: dict[str, Json], says: str
) -> None:
    run = await start(gateway)
    answer = await gateway.post(f"/api/v1/runs/{run}/orders", json={"by": "grace", **fields})
    assert (answer.status_code, says in answer.json()["error"]) == (400, True)


async def test_an_order_to_a_run_that_does_not_exist_is_404(gateway: httpx.AsyncClient) -> None:
    assert (await order(gateway, "run/switch-over/none", "pause", reason="x")).status_code == 404


async def test_an_incident_is_held_seen_and_released(gateway: httpx.AsyncClient, incident: str) -> None:
    run = await start(gateway, incident=incident)
    seen = await until(gateway, run, "requests")
    place = f"/api/v1/incidents/{incident}"
    held = await gateway.post(f"{place}/hold", json={"by": "grace", "reason": "the wrong side"})
    assert held.status_code == 200, held.text
    assert held.json()["message"] == f"the incident {incident} is on hold (1 of 1 runs)"
    shown = (await gateway.get(place)).json()
    assert [(member["run"], member["held"]) for member in shown["members"]] == [(run, True)]
    assert "grace put the incident" in shown["held"]
    async with asyncio.timeout(30):
        while not (line := await listed(gateway, incident)).get("held"):
            await asyncio.sleep(0.05)
    assert (line["ended"], "grace put the incident" in line["held"]) == (0.0, True)
    yes = decision(seen, choice="approve", reason="")
    assert (await gateway.post(f"/api/v1/runs/{run}/decisions", json=yes)).status_code == 200
    later = await start(gateway, incident=incident)
    assert incident in (await until(gateway, later, "holds"))["holds"]
    released = await gateway.post(f"{place}/release", json={"by": "grace"})
    assert released.json()["message"] == f"the incident {incident} is released (2 of 2 runs)"
    again = await gateway.post(f"{place}/release", json={"by": "grace"})
    assert (again.status_code, again.json()) == (409, {"error": f"the incident {incident} is not on hold"})


async def test_a_lease_is_listed_with_its_holder_and_broken(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    name = f"db/{uuid.uuid4().hex[:8]}"
    by_hand = Call("manual", {"who": "incident_commander", "do": "switch it over"})
    step = Step("hand", effect="change", call=by_hand, unattended="a test", timeout=600.0, irreversible="x")
    run = await begin(client, plan(step, locks=(name,)), uuid.uuid4().hex[:8])
    await until(gateway, run, "requests")
    async with asyncio.timeout(30):
        while not (found := await held(gateway, name)):
            await asyncio.sleep(0.05)
    assert [claim["run"] for claim in found["holders"]] == [run]
    broken = await order(gateway, run, "break", reason="theirs leads", lease=name)
    assert (broken.status_code, broken.json()["message"]) == (200, f"`{name}` is broken")
    again = await order(gateway, run, "break", reason="theirs leads", lease=name)
    assert (again.status_code, "it is broken already" in again.json()["error"]) == (409, True)


async def held(gateway: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """The lease, as soon as Temporal's list, which comes a little later, has it."""
    found = (await gateway.get("/api/v1/leases")).json()["leases"]
    return next((each for each in found if each["name"] == name), {})


async def test_what_a_run_that_has_ended_changed_is_taken_back_by_a_run_that_asks(
    gateway: httpx.AsyncClient, client: Client
) -> None:
    undo = Call("http", {"method": "POST", "url": "http://127.0.0.1:9/back"})
    by_hand = Call("manual", {"who": "incident_commander", "do": "switch it over"})
    step = Step("hand", effect="change", call=by_hand, undo=undo, unattended="a test", timeout=600.0)
    run = await begin(client, plan(step), uuid.uuid4().hex[:8])
    seen = await until(gateway, run, "requests")
    done = decision(seen, choice="done", reason="it is")
    assert (await gateway.post(f"/api/v1/runs/{run}/decisions", json=done)).status_code == 200
    await until(gateway, run, "outcome")
    refused = await order(gateway, run, "undo", reason="x", step="nowhere")
    assert (refused.status_code, "has no step `nowhere`" in refused.json()["error"]) == (409, True)
    begun = await order(gateway, run, "undo", reason="the other side was right")
    assert (begun.status_code, begun.json()["run"]) == (200, f"{run}/undo-1")
    asked = await until(gateway, f"{run}/undo-1", "requests")
    (change,) = asked["requests"][0]["changes"]
    assert change["command"] == "POST http://127.0.0.1:9/back"
    assert (asked["started_by"], asked["inputs"]["run"]) == ("grace", run)
    again = await order(gateway, run, "undo", reason="x")
    assert (again.status_code, f"`{run}/undo-1` is taking it back" in again.json()["error"]) == (409, True)


async def listed(gateway: httpx.AsyncClient, incident: str) -> dict[str, Any]:
    lines = (await gateway.get("/api/v1/incidents")).json()["incidents"]
    return next((line for line in lines if line["incident"] == incident), {})


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "none/trust", {"by": "grace"}, 404),
        ("GET", "none", None, 404),
        ("POST", "none/hold", {"by": "grace", "reason": "x"}, 404),
        ("POST", "none/release", {"by": "grace"}, 404),
        ("POST", "a%20b/hold", {"by": "grace", "reason": "x"}, 400),
        ("POST", "none/hold", {"reason": "x"}, 400),
        ("DELETE", "none", None, 405),
    ],
)
async def test_what_cannot_be_done_to_an_incident_is_one_sentence(
    gateway: httpx.AsyncClient, method: str, path: str, body: Json, status: int
) -> None:
    answer = await gateway.request(method, f"/api/v1/incidents/{path}", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


async def test_whether_all_incidents_are_listed_is_true_or_false(gateway: httpx.AsyncClient) -> None:
    assert (await gateway.get("/api/v1/incidents?all=true")).status_code == 200
    refused = await gateway.get("/api/v1/incidents?all=perhaps")
    assert (refused.status_code, refused.json()) == (400, {"error": "all: expected `true` or `false`"})


async def test_a_run_for_what_is_no_incident_is_not_started(gateway: httpx.AsyncClient) -> None:
    body = {"runbook": "switch-over", "by": "ada", "inputs": {"side": "left"}, "incident": "a b"}
    answer = await gateway.post("/api/v1/runs", json=body)
    assert (answer.status_code, "is no incident" in answer.json()["error"]) == (400, True)
