"""A real Alertmanager, configured as the guide says, delivers to the gateway."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import yaml
from temporalio.client import Client

from stanch.config import Config
from stanch.language.plan import Json
from stanch.library import Library
from tests.gateway.conftest import serving, with_gateway
from tests.gateway.delivering import fresh
from tests.gateway.server import free_port
from tests.project.checkout import ROOT

PATIENCE = 30.0
TOKEN = "t0ken-of-the-test"


def documented() -> Json:
    """The configuration in the guide."""
    page = (ROOT / "docs" / "gateway.md").read_text()
    found = re.search(r"## From Alertmanager\n\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    return yaml.safe_load(found.group(1))


@asynccontextmanager
async def alertmanager(folder: Path, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Alertmanager with the guide's configuration, but for the address, the file's place and the waiting."""
    config = documented()
    (webhook,) = config["receivers"][0]["webhook_configs"]
    webhook["url"] = f"{url}/alerts/alertmanager"
    (folder / "token").write_text(TOKEN)
    webhook["http_config"]["authorization"]["credentials_file"] = str(folder / "token")
    config["route"] |= {"group_wait": "100ms", "group_interval": "1s", "repeat_interval": "1s"}
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    program = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    assert program, "Alertmanager is missing; `make system` brings it"
    port = free_port()
    command = [program, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    log = (folder / "log").open("w")
    process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await until_ready(http)
            yield http
    finally:
        process.terminate()
        await process.wait()
        log.close()


async def until_ready(http: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if (await http.get("/-/ready")).status_code == 200:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "Alertmanager does not answer"
        await asyncio.sleep(0.05)


async def counted(gateway: httpx.AsyncClient, sample: str, least: float) -> None:
    """Wait until the gateway has counted `sample` at `least` times."""
    deadline = time.monotonic() + PATIENCE
    while True:
        text = (await gateway.get("/metrics")).text
        found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
        if found and float(found.group(1)) >= least:
            return
        assert time.monotonic() < deadline, text
        await asyncio.sleep(0.1)


def outcome(name: str) -> str:
    return f'stanch_gateway_alerts_total{{outcome="{name}",source="alertmanager"}}'


async def test_what_alertmanager_sends_starts_one_run_and_tells_it_of_the_end(
    tmp_path: Path, config: Config, client: Client, library: Library
) -> None:
    labels = {"alertname": "CheckoutErrors", "service": "checkout", "test": fresh()}
    alert = {"labels": labels, "annotations": {"summary": "errors"}, "startsAt": now()}
    async with (
        serving(with_gateway(config, alert_token=TOKEN), client, library) as gateway,
        alertmanager(tmp_path, str(gateway.base_url)) as http,
    ):
        assert (await http.post("/api/v2/alerts", json=[alert])).status_code == 200
        await counted(gateway, outcome("started"), 1)
        await counted(gateway, outcome("running"), 1)
        (known,) = (await http.get("/api/v2/alerts")).json()
        assert (await http.post("/api/v2/alerts", json=[{**alert, "endsAt": now()}])).status_code == 200
        await counted(gateway, outcome("resolved"), 1)
        await counted(gateway, 'stanch_gateway_runs_started_total{runbook="checkout-errors"}', 1)
        text = (await gateway.get("/metrics")).text
    assert f"{outcome('started')} 1.0" in text
    run = client.get_workflow_handle(f"run/checkout-errors/{known['fingerprint']}")
    assert (await run.describe()).workflow_type == "checkout-errors"
    assert b'"resolved"' in (await run.fetch_history()).events[-1].SerializeToString()


def now() -> str:
    return datetime.now(UTC).isoformat()
