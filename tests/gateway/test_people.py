"""People who show a token: the gateway signs for them, and for them alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from temporalio.client import Client
from temporalio.worker import Worker

from activities.page import Pager
from stanch.client.runner import workflow_runner
from stanch.config import Config, GatewayConfig
from stanch.contract import TASK_QUEUE, Decision
from stanch.errors import InvalidInput
from stanch.gateway.people import read_people
from stanch.language.plan import Json
from stanch.library import Library
from stanch.proof import sign
from tests.gateway.conftest import serving
from tests.gateway.delivering import alert, delivery, fresh
from tests.gateway.test_api import decision, start, until
from tests.support.keys import nonce, private, public
from workflows.runbook import RunbookWorkflow

TOKENS = {"grace": "grace-0123456789abcdef", "linus": "linus-0123456789abcdef"}
KEY = private("gateway").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


GRACE = bearer(TOKENS["grace"])


@pytest.fixture
async def worker(client: Client, config: Config) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[RunbookWorkflow],
        activities=[Pager(config.pagers).page],
        workflow_runner=workflow_runner(sandboxed=False),
    ):
        yield


@pytest.fixture
async def strict(
    config: Config, client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway whose runs take nothing without a proof."""
    monkeypatch.setenv("GRACE_TOKEN", TOKENS["grace"])
    people = {"grace": {"secret": "env/GRACE_TOKEN"}, "linus": TOKENS["linus"]}
    keys = (public("gateway"), public("ada", "ada"))
    proving = replace(
        config,
        gateway=replace(config.gateway, signing_key=KEY, people=people),
        policy=replace(config.policy, unsigned="refuse", keys=keys),
    )
    async with serving(proving, client, library) as gateway:
        yield gateway


def told(seen: Json, kind: str) -> list[str]:
    return [moment["text"] for moment in seen["timeline"] if moment["kind"] == kind]


@pytest.mark.usefixtures("worker")
async def test_whose_token_is_shown_decides_and_the_gateway_signs(strict: httpx.AsyncClient) -> None:
    run = await start(strict)
    seen = await until(strict, run, "requests")
    said = decision(seen)
    del said["by"]
    answer = await strict.post(f"/api/v1/runs/{run}/decisions", json=said, headers=GRACE)
    assert answer.status_code == 200, answer.text
    ended = await until(strict, run, "outcome")
    assert (ended["started_by"], ended["starter"]) == ("ada", "unverified"), "ada has shown no token"
    assert told(ended, "decided") == [
        f"deny by grace (verified, key {public('gateway').id}, via api): not tonight"
    ]


@pytest.mark.usefixtures("worker")
async def test_the_gateway_signs_what_a_person_or_an_alert_starts(strict: httpx.AsyncClient) -> None:
    body = {"runbook": "switch-over", "inputs": {"side": "left"}}
    run = (await strict.post("/api/v1/runs", json=body, headers=GRACE)).json()["run"]
    seen = await until(strict, run, "requests")
    verified = f"verified, key {public('gateway').id}"
    assert (seen["started_by"], seen["starter"]) == ("grace", verified)
    approval = decision(seen, choice="approve", by="grace", reason="")
    answer = await strict.post(f"/api/v1/runs/{run}/decisions", json=approval, headers=GRACE)
    assert "grace started this run and may not approve" in answer.json()["error"]
    name = fresh()
    labels = {"alertname": "SideDown", "side": "left"}
    await strict.post("/alerts/alertmanager", content=delivery(alert(name, labels=labels)))
    seen = await until(strict, f"run/switch-over/{name}", "requests")
    assert (seen["started_by"], seen["starter"]) == ("alert:alertmanager", verified)


@pytest.mark.usefixtures("worker")
async def test_orders_and_aborts_are_signed_too(strict: httpx.AsyncClient) -> None:
    run = await start(strict)
    await until(strict, run, "requests")
    for headers, status in (({}, 409), (GRACE, 200)):
        order = {"verb": "pause", "by": "grace", "reason": "wait"}
        answer = await strict.post(f"/api/v1/runs/{run}/orders", json=order, headers=headers)
        assert answer.status_code == status, answer.text
    for headers, status in (({}, 409), (GRACE, 200)):
        answer = await strict.post(
            f"/api/v1/runs/{run}/abort", json={"by": "grace", "reason": "wrong"}, headers=headers
        )
        assert answer.status_code == status, answer.text
    assert (await until(strict, run, "outcome"))["outcome"] == "aborted"


@pytest.mark.usefixtures("worker")
async def test_nobody_speaks_for_another_with_a_token_of_their_own(strict: httpx.AsyncClient) -> None:
    run = await start(strict)
    seen = await until(strict, run, "requests")
    answer = await strict.post(
        f"/api/v1/runs/{run}/decisions", json=decision(seen, by="linus"), headers=GRACE
    )
    assert answer.status_code == 403
    assert "the token is that of grace" in answer.json()["error"]
    started = await strict.post("/api/v1/runs", json={"runbook": "switch-over", "by": "linus"}, headers=GRACE)
    assert started.status_code == 403


@pytest.mark.usefixtures("worker")
async def test_without_a_token_nothing_is_signed_and_the_run_refuses_it(strict: httpx.AsyncClient) -> None:
    run = await start(strict)
    seen = await until(strict, run, "requests")
    answer = await strict.post(f"/api/v1/runs/{run}/decisions", json=decision(seen))
    assert answer.status_code == 409
    assert "takes nothing without a proof" in answer.json()["error"]


@pytest.mark.usefixtures("worker")
async def test_a_proof_in_the_body_is_passed_on_as_it_is(strict: httpx.AsyncClient) -> None:
    run = await start(strict)
    seen = await until(strict, run, "requests")
    (request,) = seen["requests"]
    said = Decision(request["id"], "deny", "ada", request["digest"], "not tonight")
    now = datetime.now(UTC).timestamp()
    signed = sign(private("ada"), said, run, seen["started"], at=now, nonce=nonce())
    body: dict[str, Any] = asdict(signed)
    forged = await strict.post(f"/api/v1/runs/{run}/decisions", json={**body, "reason": "another"})
    assert forged.status_code == 409
    assert "is not for this" in forged.json()["error"]
    answer = await strict.post(f"/api/v1/runs/{run}/decisions", json=body)
    assert answer.status_code == 200, answer.text
    ended = await until(strict, run, "outcome")
    assert f"deny by ada (verified, key {public('ada').id}, via cli)" in told(ended, "decided")[0]


@pytest.mark.usefixtures("worker")
async def test_the_gateway_lets_in_no_key_for_anybody(strict: httpx.AsyncClient) -> None:
    run = await start(strict)
    await until(strict, run, "requests")
    order = {"verb": "trust", "by": "grace", "key": asdict(public("grace2"))}
    answer = await strict.post(f"/api/v1/runs/{run}/orders", json=order, headers=GRACE)
    assert answer.status_code == 403
    assert "signs no `trust`" in answer.json()["error"]


@pytest.mark.parametrize(("token", "status"), [("", 403), ("nobody", 401), (TOKENS["grace"], 200)])
async def test_a_token_opens_the_door_from_elsewhere_and_nothing_else_does(
    strict: httpx.AsyncClient, token: str, status: int
) -> None:
    headers = {"X-Forwarded-For": "192.0.2.7", **(bearer(token) if token else {})}
    assert (await strict.get("/api/v1/runs", headers=headers)).status_code == status


async def test_a_wrong_token_is_refused_even_on_this_machine(strict: httpx.AsyncClient) -> None:
    assert (await strict.get("/api/v1/runs", headers=bearer("x"))).status_code == 401
    assert (await strict.get("/api/v1/runs")).status_code == 200


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (GatewayConfig(people={"grace": TOKENS["grace"]}), "needs gateway.signing_key"),
        (
            GatewayConfig(people={"grace": "short"}, signing_key=KEY),
            "people.grace: a token has 20 characters",
        ),
        (
            GatewayConfig(people={"grace": TOKENS["grace"], "linus": TOKENS["grace"]}, signing_key=KEY),
            "people.linus: two people have the same token",
        ),
        (GatewayConfig(people={"grace": {"secret": "env/NOT_THERE"}}, signing_key=KEY), "NOT_THERE"),
        (GatewayConfig(signing_key="nonsense"), "gateway.signing_key holds no private key"),
        (GatewayConfig(signing_key={"secret": "file//not/there"}), "gateway.signing_key: secret"),
    ],
)
def test_what_cannot_be_used_stops_the_gateway_before_it_listens(settings: GatewayConfig, why: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_people(settings)
    assert why in str(raised.value)
    assert TOKENS["grace"] not in str(raised.value)
