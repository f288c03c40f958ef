"""What a delivery may not be, and that the refusal says where and why."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from stanch.config import Config
from tests.gateway.delivering import alert, delivery, fresh

MALFORMED = {
    "nothing": (b"", "line 1, column 1: not JSON: expecting value"),
    "cut": (b'{"alerts": [\n  {"status": ', "line 2, column 14: not JSON: expecting value"),
    "latin-1": (b'{"alerts": "\xe9"}', "byte 12: not UTF-8 text"),
    "a list": (b"[]", "top level: expected an object, found a list"),
    "no alerts": (b"{}", "alerts: expected a list, found nothing"),
    "a form": (b"payload=%7B%7D", "line 1, column 1: not JSON: expecting value"),
    "a label": (
        delivery(alert("a"), alert("b", labels={"alertname": 7})),
        "alerts[1].labels.alertname: expected a string, found a number",
    ),
    "a status": (
        delivery(alert("a", status="firing") | {"status": "pending"}),
        'alerts[0].status: expected "firing" or "resolved", found "pending"',
    ),
    "no start": (
        delivery(alert("a", startsAt=None)),
        "alerts[0].startsAt: expected a string, found nothing",
    ),
    "deep": (b'{"alerts": ' + b"[" * 100_000, "line 1, column 75: nested deeper than 64 lists and objects"),
    "deep objects": (b'{"a":' * 50_000, "line 1, column 321: nested deeper than 64 lists and objects"),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_delivery_is_refused_with_the_place(
    gateway: httpx.AsyncClient, config: Config, case: str
) -> None:
    body, place = MALFORMED[case]
    answer = await gateway.post("/alerts/alertmanager", content=body[: config.gateway.max_body])
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": f"not a delivery of alertmanager: {place}"},
    )
    assert (await gateway.get("/healthz")).status_code == 200


async def test_a_body_of_just_the_allowed_size_is_taken(gateway: httpx.AsyncClient, config: Config) -> None:
    body = delivery(alert(fresh(), status="resolved"))
    padded = body + b" " * (config.gateway.max_body - len(body))
    assert (await gateway.post("/alerts/alertmanager", content=padded)).status_code == 202


@pytest.mark.parametrize("excess", [1, 100_000, 5_000_000])
@pytest.mark.parametrize("declared", [True, False], ids=["with Content-Length", "without Content-Length"])
async def test_a_body_that_is_too_big_is_refused(
    gateway: httpx.AsyncClient, config: Config, excess: int, declared: bool
) -> None:
    body = delivery(alert(fresh())).ljust(config.gateway.max_body + excess)
    content = body if declared else chunks(body)
    answer = await gateway.post("/alerts/alertmanager", content=content)
    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is larger than gateway.max_body, 65536 bytes"}


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_the_declared_type_does_not_matter_when_it_is_json(
    gateway: httpx.AsyncClient, kind: str
) -> None:
    body = delivery(alert(fresh(), status="resolved"))
    answer = await gateway.post("/alerts/alertmanager", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 202


async def test_an_unknown_source_is_answered_with_the_known_ones(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.post("/alerts/pigeon", content=b"{}")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "there is no alert source `pigeon`; known are: alertmanager"},
    )


async def test_alerts_are_posted(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/alerts/alertmanager")
    assert (answer.status_code, answer.json()) == (405, {"error": "Method Not Allowed"})
