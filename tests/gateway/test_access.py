"""Who may send alerts: whoever shows the token; without one, what runs on this machine."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from temporalio.client import Client

from stanch.config import Config
from stanch.errors import InvalidInput
from stanch.gateway.access import read_token, require_here, require_sender
from stanch.language.plan import Json
from stanch.library import Library
from tests.gateway.conftest import serving, with_gateway
from tests.gateway.delivering import alert, delivery, fresh

TOKEN = "t0ken-of-the-test"


def request(peer: str = "127.0.0.1", **headers: str) -> Request:
    """A request as the server hands it over; header names with `_` for `-`."""
    named = {"host": "127.0.0.1:8484"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/",
            "client": (peer, 50000),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        }
    )


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 202),
        (f"bearer  {TOKEN}", 202),
        (None, 401),
        ("", 401),
        (TOKEN, 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer", 401),
        ("Bearer \xe9", 401),
    ],
)
async def test_only_the_token_opens_when_there_is_one(
    config: Config, client: Client, library: Library, header: str | None, status: int
) -> None:
    body = delivery(alert(fresh(), status="resolved"))
    async with serving(with_gateway(config, alert_token=TOKEN), client, library) as gateway:
        headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
        answer = await gateway.post("/alerts/alertmanager", content=body, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in answer.text


def test_with_the_token_a_sender_may_be_anywhere() -> None:
    require_sender(request("192.0.2.7", host="gateway.example", authorization=f"Bearer {TOKEN}"), TOKEN)


@pytest.mark.parametrize(
    "peer", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "testclient", ""]
)
def test_without_a_token_another_machine_is_refused_and_told_what_to_set(peer: str) -> None:
    with pytest.raises(HTTPException) as refused:
        require_sender(request(peer), "")
    assert refused.value.status_code == 403
    assert "gateway.alert_token" in refused.value.detail


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8484", "localhost:8484", "localhost", "[::1]:8484"])
def test_without_a_token_this_machine_may_send(peer: str, host: str) -> None:
    require_sender(request(peer, host=host), "")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
        {"host": "rebound.example:8484"},
        {"host": "127.0.0.1.rebound.example"},
        {"host": ""},
        {"host": "[::1"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://["},
    ],
)
def test_a_page_or_a_proxy_on_this_machine_is_not_this_machine(headers: dict[str, str]) -> None:
    with pytest.raises(HTTPException) as refused:
        require_here(request(**headers), "only this machine")
    assert refused.value.status_code == 403


def test_a_page_of_the_gateway_itself_is_this_machine() -> None:
    require_here(request(origin="http://127.0.0.1:8484"), "only this machine")


async def test_a_real_forwarded_request_is_refused(gateway: httpx.AsyncClient) -> None:
    body = delivery(alert(fresh(), status="resolved"))
    answer = await gateway.post(
        "/alerts/alertmanager", content=body, headers={"X-Forwarded-For": "127.0.0.1"}
    )
    assert answer.status_code == 403
    assert "through a proxy" in answer.json()["error"]


def test_the_token_may_stand_in_the_environment_or_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS", TOKEN)
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token({"secret": "env/ALERTS"}) == TOKEN
    assert read_token({"secret": f"file/{file}"}) == TOKEN
    assert read_token(TOKEN) == TOKEN
    assert read_token("") == ""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"secret": "env/ALERTS"}, "no environment variable `ALERTS`"),
        ({"secret": "file/no/such/file"}, "no file `no/such/file`"),
        ({"secret": "vault/alerts"}, "no `vault/`"),
    ],
)
def test_a_token_that_cannot_be_read_is_no_open_door(value: Json, message: str) -> None:
    with pytest.raises(InvalidInput, match=r"gateway\.alert_token") as error:
        read_token(value)
    assert message in str(error.value)
