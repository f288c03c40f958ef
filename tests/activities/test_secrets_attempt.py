"""What an attempt does when a secret that it needs cannot be had: nothing was executed, or who knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from temporalio import activity

from activities.http import Http
from activities.secrets import Secrets
from stanch.language.plan import Json
from tests.activities.bench import Bench, change, get, post, read
from tests.activities.served import Got, Scripted, raw

TOKEN = "t0ken-in-the-vault"


class Site:
    """A server that is the Vault and the target of the change."""

    def __init__(self, site: Scripted) -> None:
        self.url = site.url
        self.vault: Response = JSONResponse({"data": {"data": {"a": TOKEN}, "metadata": {"version": 1}}})
        self.posted: list[Got] = []
        site.reply = self._answer

    def _answer(self, got: Got) -> Response:
        if got.path.startswith("/v1/"):
            return self.vault
        self.posted.append(got)
        return JSONResponse({"told": got.headers.get("x-token")})

    def closed(self, status: int = 503) -> None:
        self.vault = JSONResponse({"errors": ["Vault is sealed"]}, status)

    @property
    def call(self) -> Any:
        return post(f"{self.url}/change", headers={"x-token": {"secret": "vault/secret/db#a"}})


@pytest.fixture
def target(site: Scripted) -> Site:
    return Site(site)


@pytest.fixture
async def bench(target: Site) -> AsyncIterator[Bench]:
    http, secrets = Http(), Secrets({"vault": {"kind": "vault", "url": target.url, "token": "t"}})
    yield Bench(http, secrets=secrets)
    await asyncio.gather(http.close(), secrets.close())


def told(bench: Bench) -> dict[str, Json]:
    return dict(bench.last_memory())


async def test_a_secret_of_the_vault_is_used_and_taken_out_again(bench: Bench, target: Site) -> None:
    report = await bench.run(change(target.call))
    assert target.posted[0].headers["x-token"] == TOKEN
    assert report.result["json"] == {"told": "[secret]"}


async def test_without_its_secret_a_change_is_not_begun_and_may_be_later(bench: Bench, target: Site) -> None:
    answer, target.vault = target.vault, JSONResponse({"errors": ["Vault is sealed"]}, 503)
    error = await bench.error(change(target.call))
    assert (error.type, error.non_retryable) == ("Unreachable", False)
    assert "Vault is sealed" in str(error)
    assert target.posted == []
    target.vault = answer
    bench.attempt(2, told(bench))
    await bench.run(change(target.call))
    assert len(target.posted) == 1


async def test_a_secret_that_is_refused_is_not_asked_for_again(bench: Bench, target: Site) -> None:
    target.closed(403)
    error = await bench.error(change(target.call))
    assert (error.type, error.non_retryable) == ("InvalidInput", True)
    assert "secret `vault/secret/db#a`" in str(error)
    assert target.posted == []


async def test_a_change_that_may_have_been_made_is_in_doubt_without_its_secret(
    bench: Bench, target: Site
) -> None:
    target.closed()
    bench.attempt(2, {"acted": False})
    error = await bench.error(change(target.call))
    assert error.type == "OutcomeUnknown"
    assert "was lost, and how it ended cannot be found out: secret `vault/secret/db#a`" in str(error)


async def test_a_change_that_was_made_is_in_doubt_without_the_secret_of_its_check(
    bench: Bench, target: Site
) -> None:
    target.closed()
    done = get(f"{target.url}/done", headers={"x-token": {"secret": "vault/secret/db#a"}})
    bench.attempt(2, {"acted": True, "result": {"status": 200}, "ended": True})
    error = await bench.error(change(post(f"{target.url}/change"), "result.status == 200", done))
    assert error.type == "OutcomeUnknown"
    assert target.posted == []


async def test_waiting_for_a_secret_beats_and_can_be_cancelled(bench: Bench, target: Site) -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()

    async with raw(silent) as url:
        secrets = Secrets({"vault": {"kind": "vault", "url": url, "token": "t"}})
        slow = Bench(Http(), secrets=secrets)
        running = asyncio.create_task(slow.error(change(target.call)))
        async with asyncio.timeout(30):
            await asked.wait()
        assert slow.phases() == ["checking"]
        wanted = activity.ActivityCancellationDetails(cancel_requested=True)
        slow.environment.cancel(cancellation_details=wanted)
        error = await running
        await secrets.close()
    assert error.type == "ActionRefused"
    assert "cancelled before anything was executed" in str(error)
    assert told(slow)["unharmed"] == 1
    assert target.posted == []


async def test_a_read_is_asked_again_later(bench: Bench, target: Site) -> None:
    target.closed()
    call = get(f"{target.url}/look", headers={"x-token": {"secret": "vault/secret/db#a"}})
    error = await bench.error(read(call))
    assert (error.type, error.non_retryable) == ("Unreachable", False)
