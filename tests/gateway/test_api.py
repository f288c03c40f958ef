"""`/api/v1`: the runs as JSON, for programs on this machine, with a real worker behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.page import Pager
from stanch.config import Config
from stanch.contract import TASK_QUEUE
from stanch.language.plan import Json
from stanch.library import Library
from tests.gateway.conftest import serving
from tests.gateway.delivering import alert, delivery, fresh
from workflows.runbook import RunbookWorkflow

PATIENCE = 60.0


@pytest.fixture
async def worker(client: Client, config: Config) -> AsyncIterator[None]:
    """Enough of a worker for runs that change nothing: no actions, only pages (into the log)."""
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[RunbookWorkflow],
        activities=[Pager(config.pagers).page],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


async def start(gateway: httpx.AsyncClient, **changes: Json) -> str:
    body = {"runbook": "switch-over", "by": "ada", "inputs": {"side": "left"}, **changes}
    answer = await gateway.post("/api/v1/runs", json=body)
    assert answer.status_code == 201, answer.text
    run: str = answer.json()["run"]
    return run


async def until(gateway: httpx.AsyncClient, run: str, member: str) -> Json:
    """The run, as soon as its `member` is something."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = await gateway.get(f"/api/v1/runs/{run}")
        # A worker that is busy has not answered in time, and asking again does no harm.
        assert answer.status_code in (200, 503), answer.text
        if answer.status_code == 200 and answer.json()[member]:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        await asyncio.sleep(0.05)


def decision(seen: Json, **changes: Json) -> Json:
    (request,) = seen["requests"]
    bound = {"request": request["id"], "digest": request["digest"]}
    return {**bound, "choice": "deny", "by": "grace", "reason": "not tonight", **changes}


@pytest.mark.usefixtures("worker")
async def test_a_run_is_started_seen_and_answered(gateway: httpx.AsyncClient) -> None:
    run = await start(gateway)
    seen = await until(gateway, run, "requests")
    assert (seen["runbook"], seen["inputs"], seen["started_by"]) == ("switch-over", {"side": "left"}, "ada")
    answer = await gateway.post(f"/api/v1/runs/{run}/decisions", json=decision(seen))
    assert (answer.status_code, answer.json()["choice"]) == (200, "deny")
    ended = await until(gateway, run, "outcome")
    assert ended["outcome"] == "denied"
    assert "grace" in str(ended["timeline"])


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "changes",
    [{"digest": "0" * 64}, {"request": "nothing/1"}, {"reason": ""}, {"choice": "retry"}],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_decision_that_makes_no_sense_is_refused_and_changes_nothing(
    gateway: httpx.AsyncClient, changes: dict[str, Json]
) -> None:
    run = await start(gateway)
    seen = await until(gateway, run, "requests")
    answer = await gateway.post(f"/api/v1/runs/{run}/decisions", json=decision(seen, **changes))
    assert answer.status_code == 409
    assert list(answer.json()) == ["error"]
    assert (await until(gateway, run, "requests"))["requests"] == seen["requests"]


@pytest.mark.usefixtures("worker")
async def test_a_question_for_values_is_answered_with_values(gateway: httpx.AsyncClient) -> None:
    run = await start(gateway, runbook="choose-side", inputs={"sides": ["left", "right"]})
    seen = await until(gateway, run, "requests")
    assert seen["requests"][0]["fields"]["side"] == {"type": "string", "enum": ["left", "right"]}
    place = f"/api/v1/runs/{run}/decisions"
    wrong = await gateway.post(place, json=decision(seen, choice="answer", values={"side": "up"}))
    assert (wrong.status_code, wrong.json()) == (
        409,
        {"error": "field `side` must be one of `left` or `right`, not `up`"},
    )
    odd = await gateway.post(place, json=decision(seen, choice="answer", values=["left"]))
    assert (odd.status_code, odd.json()["error"][:7]) == (400, "values:")
    given = await gateway.post(place, json=decision(seen, choice="answer", values={"side": "left"}))
    assert (given.status_code, given.json()["choice"]) == (200, "answer")
    assert (await until(gateway, run, "outcome"))["outputs"] == {"side": "left", "hours": 48}


@pytest.mark.usefixtures("worker")
async def test_a_run_is_aborted_and_then_there_is_nothing_left_to_abort(gateway: httpx.AsyncClient) -> None:
    run = await start(gateway)
    await until(gateway, run, "requests")
    order = {"by": "grace", "reason": "wrong side"}
    assert (await gateway.post(f"/api/v1/runs/{run}/abort", json=order)).status_code == 200
    assert (await until(gateway, run, "outcome"))["outcome"] == "aborted"
    answer = await gateway.post(f"/api/v1/runs/{run}/abort", json=order)
    assert answer.status_code == 409
    assert "has ended" in answer.json()["error"]


@pytest.mark.usefixtures("worker")
async def test_a_worker_in_the_same_process_carries_out_what_an_alert_starts(
    config: Config, client: Client, library: Library
) -> None:
    name = fresh()
    async with serving(config, client, library, eager=True) as gateway:
        await gateway.post("/alerts/alertmanager", content=delivery(alert(name)))
        seen = await until(gateway, f"run/checkout-errors/{name}", "outcome")
    assert (seen["outcome"], seen["severity"]) == ("succeeded", "SEV2")
    assert seen["started_by"] == "alert:alertmanager"


@pytest.mark.usefixtures("worker")
async def test_a_run_that_waits_writes_down_that_its_alert_has_resolved(gateway: httpx.AsyncClient) -> None:
    name = fresh()
    run = f"run/switch-over/{name}"
    labels = {"alertname": "SideDown", "side": "left"}
    await gateway.post("/alerts/alertmanager", content=delivery(alert(name, labels=labels)))
    before = await until(gateway, run, "requests")
    assert "resolved" not in str(before["timeline"])
    resolved = delivery(alert(name, status="resolved", labels=labels))
    await gateway.post("/alerts/alertmanager", content=resolved)
    after = await until(gateway, run, "requests")
    assert str(after["timeline"]).count("resolved") == 1


async def test_a_run_that_no_worker_can_show_says_that_a_worker_is_missing(
    gateway: httpx.AsyncClient,
) -> None:
    run = await start(gateway)
    answer = await gateway.get(f"/api/v1/runs/{run}")
    assert answer.status_code == 503
    assert "worker" in answer.json()["error"]


async def test_runs_are_listed_newest_first(gateway: httpx.AsyncClient) -> None:
    runs = [await start(gateway, key=fresh(), severity="SEV1") for _ in range(2)]
    deadline = time.monotonic() + PATIENCE
    while True:
        listed = (await gateway.get("/api/v1/runs?open=true&limit=500")).json()["runs"]
        found = [line for line in listed if line["run"] in runs]
        if len(found) == 2:
            break
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert [line["run"] for line in found] == runs[::-1]
    assert {(line["runbook"], line["severity"], line["status"]) for line in found} == {
        ("switch-over", "SEV1", "running")
    }
    assert len((await gateway.get("/api/v1/runs?limit=1")).json()["runs"]) == 1


async def test_the_same_key_is_the_same_run(gateway: httpx.AsyncClient) -> None:
    key = fresh()
    assert await start(gateway, key=key) == await start(gateway, key=key) == f"run/switch-over/{key}"


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"runbook": "switch-off"}, 404, "there is no runbook `switch-off`"),
        ({"inputs": {"side": "top"}}, 400, "`side`"),
        ({"inputs": {}}, 400, "`side`"),
        ({"severity": "SEV9"}, 400, "severity: "),
        ({"by": 7}, 400, "by: "),
        ({"colour": "red"}, 400, "`colour` is not expected here"),
        ({"key": "a/b"}, 400, "key: "),
    ],
)
async def test_a_start_that_does_not_fit_is_refused_with_the_place(
    gateway: httpx.AsyncClient, changes: dict[str, Json], status: int, said: str
) -> None:
    body = {"runbook": "switch-over", "by": "ada", "inputs": {"side": "left"}, **changes}
    answer = await gateway.post("/api/v1/runs", json=body)
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/runs?limit=0", b"", 400),
        ("GET", "/api/v1/runs?limit=9999", b"", 400),
        ("GET", "/api/v1/runs?open=maybe", b"", 400),
        ("GET", "/api/v1/runs/run/switch-over/none", b"", 404),
        ("POST", "/api/v1/runs/none/abort", b'{"by": "ada", "reason": "x"}', 404),
        ("POST", "/api/v1/runs/none/abort", b'{"by": "ada"}', 400),
        ("POST", "/api/v1/runs/none/decisions", b"[]", 400),
        ("POST", "/api/v1/runs", b"{", 400),
        ("POST", "/api/v1/runs", b"[" * 1000, 400),
        ("POST", "/api/v1/runs", b" " * 100_000, 413),
        ("DELETE", "/api/v1/runs", b"", 405),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    gateway: httpx.AsyncClient, method: str, path: str, body: bytes, status: int
) -> None:
    answer = await gateway.request(method, path, content=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Origin", "Host"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/runs"), ("POST", "/api/v1/runs/x/decisions")])
async def test_only_this_machine_may_use_it(
    gateway: httpx.AsyncClient, header: str, method: str, path: str
) -> None:
    answer = await gateway.request(method, path, headers={header: "elsewhere.example"})
    assert answer.status_code == 403
    assert "only this machine" in answer.json()["error"]
