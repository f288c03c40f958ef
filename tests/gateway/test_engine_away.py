"""Temporal away: the sender is told to come back, nothing is lost, and nothing is started twice."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from temporalio.client import Client

from stanch.client.connect import connect
from stanch.config import Config, GatewayConfig, TemporalConfig
from stanch.gateway.engine import Engine
from stanch.gateway.metrics import Metrics
from stanch.library import Library
from tests.gateway.conftest import serving
from tests.gateway.delivering import alert, delivery, fresh
from tests.gateway.server import TemporalServer

# The server listens a moment before it serves; a sender repeats, and so do the tests.
PATIENCE = 20.0


@pytest.fixture
def mortal() -> Iterator[TemporalServer]:
    """A server for one test, not started."""
    server = TemporalServer()
    yield server
    server.kill()


def configured(server: TemporalServer, namespace: str = "default") -> Config:
    temporal = TemporalConfig(address=server.address, namespace=namespace)
    return Config(temporal=temporal, gateway=GatewayConfig(port=0))


async def until_taken(gateway: httpx.AsyncClient, body: bytes) -> httpx.Response:
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = await gateway.post("/alerts/alertmanager", content=body)
        if answer.status_code == 202:
            return answer
        assert answer.status_code == 503, answer.text
        assert time.monotonic() < deadline, answer.text


def check_refusal(answer: httpx.Response, address: str) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert list(answer.json()) == ["error"]
    assert address in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


async def test_a_gateway_that_starts_before_temporal_asks_to_repeat_and_then_takes_the_alert(
    mortal: TemporalServer, library: Library
) -> None:
    config = configured(mortal)
    body = delivery(alert(fresh()))
    async with serving(config, await connect(config, lazy=True), library) as gateway:
        check_refusal(await gateway.post("/alerts/alertmanager", content=body), mortal.address)
        assert (await gateway.get("/readyz")).status_code == 503
        assert (await gateway.get("/healthz")).status_code == 200
        mortal.start()
        answer = await until_taken(gateway, body)
        assert answer.json()["runs"][0]["state"] == "started"
        assert (await gateway.get("/readyz")).status_code == 200


async def test_a_delivery_that_met_a_dead_temporal_succeeds_when_it_is_repeated(
    mortal: TemporalServer, library: Library
) -> None:
    mortal.start()
    config = configured(mortal)
    body = delivery(*(alert(fresh()) for _ in range(40)))
    async with serving(config, await connect(config), library) as gateway:
        await until_taken(gateway, delivery(alert(fresh())))
        mortal.kill()
        began = time.monotonic()
        answer = await gateway.post("/alerts/alertmanager", content=body)
        assert time.monotonic() - began < 8
        check_refusal(answer, mortal.address)
        mortal.start()
        answer = await until_taken(gateway, body)
        assert len(answer.json()["runs"]) == 40
        again = await until_taken(gateway, body)
        assert [run["execution"] for run in again.json()["runs"]] == [
            run["execution"] for run in answer.json()["runs"]
        ]


async def test_alerts_that_start_nothing_need_no_temporal(mortal: TemporalServer, library: Library) -> None:
    config = configured(mortal)
    body = delivery(alert(fresh(), labels={"alertname": "DiskFull"}))
    async with serving(config, await connect(config, lazy=True), library) as gateway:
        answer = await gateway.post("/alerts/alertmanager", content=body)
    assert (answer.status_code, answer.json()["ignored"]) == (202, 1)


async def test_a_run_that_does_not_exist_is_no_lost_namespace_whatever_its_name(
    temporal: TemporalServer,
) -> None:
    config = configured(temporal)
    client = await connect(config)

    async def connected() -> Client:
        return client

    engine = Engine(config, connected, Metrics())
    assert await engine.find("run/namespace-not-found/namespace") is None


async def test_a_namespace_that_does_not_exist_is_said_so(temporal: TemporalServer, library: Library) -> None:
    config = configured(temporal, namespace="nowhere")
    async with serving(config, await connect(config), library) as gateway:
        for status in ("firing", "resolved"):
            body = delivery(alert(fresh(), status=status))
            answer = await gateway.post("/alerts/alertmanager", content=body)
            check_refusal(answer, temporal.address)
            assert "nowhere" in answer.json()["error"]
        assert "nowhere" in (await gateway.get("/readyz")).text
