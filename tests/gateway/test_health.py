"""Alive, ready, and counted."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

from stanch.config import Config
from stanch.library import load_library
from tests.gateway.conftest import serving
from tests.gateway.delivering import alert, delivery, fresh


async def test_a_gateway_is_ready_when_temporal_answers_and_every_runbook_compiles(
    gateway: httpx.AsyncClient,
) -> None:
    assert (await gateway.get("/healthz")).json() == {"status": "alive"}
    answer = await gateway.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "runbooks": 5, "triggers": 4})


async def test_a_runbook_that_does_not_compile_makes_the_gateway_not_ready(
    config: Config, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "broken.yaml").write_text("runbook: broken\nsteps: 7\n")
    async with serving(config, client, load_library([tmp_path], date(2026, 11, 23))) as gateway:
        answer = await gateway.get("/readyz")
        assert (await gateway.get("/healthz")).status_code == 200
    assert answer.status_code == 503
    (reason,) = answer.json()["reasons"]
    assert "broken.yaml` does not compile" in reason


async def numbers(gateway: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its label values, in order of the labels' names."""
    text = (await gateway.get("/metrics")).text
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_deliveries_alerts_runs_and_calls_are_counted(gateway: httpx.AsyncClient) -> None:
    body = delivery(
        alert(fresh()), alert(fresh(), status="resolved"), alert(fresh(), labels={"alertname": "DiskFull"})
    )
    for content in (body, body, b"{"):
        await gateway.post("/alerts/alertmanager", content=content)
    await gateway.post("/alerts/pigeon", content=b"{}")
    await gateway.post("/alerts/dove", content=b"{}")
    found = await numbers(gateway)
    prefix = "stanch_gateway"
    counted = {
        (f"{prefix}_deliveries_total", "202", "alertmanager"): 2,
        (f"{prefix}_deliveries_total", "400", "alertmanager"): 1,
        (f"{prefix}_deliveries_total", "404", "unknown"): 2,
        (f"{prefix}_alerts_total", "started", "alertmanager"): 1,
        (f"{prefix}_alerts_total", "running", "alertmanager"): 1,
        (f"{prefix}_alerts_total", "resolved", "alertmanager"): 2,
        (f"{prefix}_alerts_total", "ignored", "alertmanager"): 2,
        (f"{prefix}_runs_started_total", "checkout-errors"): 1,
        (f"{prefix}_temporal_seconds_count", "start"): 1,
        (f"{prefix}_temporal_seconds_count", "describe"): 4,
    }
    assert {name: found.get(name) for name in counted} == counted


async def test_a_delivery_is_one_line_of_log_without_what_it_carries(
    gateway: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    name = fresh()
    headers = {"Authorization": "Bearer s3cret", "X-Odd": "odd-header"}
    with caplog.at_level(logging.INFO, "stanch.gateway"):
        await gateway.post("/alerts/alertmanager", content=delivery(alert(name)), headers=headers)
        await gateway.post("/alerts/alertmanager", content=delivery(alert(name) | {"status": "errors 42"}))
    lines = [record.getMessage() for record in caplog.records if '"delivery"' in record.getMessage()]
    assert len(lines) == 2
    assert f"run/checkout-errors/{name}" in lines[0]
    assert '"malformed": "alerts[0].status"' in lines[1]
    for kept in ("s3cret", "odd-header", "errors 42"):
        assert kept not in "".join(lines)
