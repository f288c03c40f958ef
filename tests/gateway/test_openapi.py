"""`/api/v1/openapi.json` says what the API takes and gives: held against routes and real answers."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from starlette.routing import Route

from stanch.config import Config
from stanch.contract import IncidentView, Order, PublicKey
from stanch.gateway.app import create_app
from stanch.gateway.openapi import document
from stanch.language.plan import Json
from stanch.library import Library
from tests.gateway.test_api import decision, start, until, worker
from tests.support.keys import public

__all__ = ["worker"]
METHODS = ("get", "post")


def fits(described: Json, schema: Json, value: Json) -> None:
    Draft202012Validator({**schema, "components": described["components"]}).validate(value)


def answer_of(described: Json, method: str, path: str, status: int) -> Json:
    answers = described["paths"][path][method]["responses"]
    return answers[str(status)]["content"]["application/json"]["schema"]


async def test_the_document_is_served_to_whoever_asks_and_is_openapi(gateway: httpx.AsyncClient) -> None:
    served = await gateway.get("/api/v1/openapi.json", headers={"Authorization": "Bearer nobody"})
    assert served.status_code == 200
    validate(served.json())


async def nowhere() -> Any:
    raise AssertionError("no call is made")


def test_it_has_every_route_and_no_other(config: Config, library: Library) -> None:
    routes = [route for route in create_app(config, nowhere, library).routes if isinstance(route, Route)]
    served = {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in routes
        for method in route.methods or ()
        if route.path.startswith("/api/") and method != "HEAD"
    }
    described = {(method.upper(), path) for path, held in document()["paths"].items() for method in held}
    assert described == served - {("GET", "/api/v1/openapi.json")}


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [held[method]["operationId"] for held in document()["paths"].values() for method in held]
    assert len(set(names)) == len(names)


@pytest.mark.usefixtures("worker")
async def test_real_answers_and_real_bodies_fit_it(gateway: httpx.AsyncClient) -> None:
    described = (await gateway.get("/api/v1/openapi.json")).json()
    run = await start(gateway)
    seen = await until(gateway, run, "requests")
    listed = (await gateway.get("/api/v1/runs?limit=5")).json()
    fits(described, answer_of(described, "get", "/api/v1/runs", 200), listed)
    fits(described, answer_of(described, "get", "/api/v1/runs/{run}", 200), seen)
    said = decision(seen)
    body = described["paths"]["/api/v1/runs/{run}/decisions"]["post"]["requestBody"]
    fits(described, body["content"]["application/json"]["schema"], said)
    wrong = await gateway.post(f"/api/v1/runs/{run}/decisions", json={**said, "digest": "0"})
    fits(described, answer_of(described, "post", "/api/v1/runs/{run}/decisions", 409), wrong.json())
    given = await gateway.post(f"/api/v1/runs/{run}/decisions", json=said)
    fits(described, answer_of(described, "post", "/api/v1/runs/{run}/decisions", 200), given.json())


async def test_a_run_s_slashes_may_be_escaped_as_clients_do_that_are_made_from_it(
    gateway: httpx.AsyncClient,
) -> None:
    run = await start(gateway)
    escaped = run.replace("/", "%2F")
    answers = [await gateway.get(f"/api/v1/runs/{each}") for each in (run, escaped)]
    # No worker is there to show it; but it is found.
    assert [answer.status_code for answer in answers] == [503, 503], [answer.text for answer in answers]


def test_an_incident_with_all_that_it_may_hold_fits_it() -> None:
    key: PublicKey = public("alice", "alice")
    order = Order("trust", "alice", incident="db-down", key=key)
    state = IncidentView("db-down", order=order, keys=(key,), used={"n": 1.0})
    described = document()
    schema = answer_of(described, "get", "/api/v1/incidents/{incident}", 200)
    fits(described, schema, _as_json(dataclasses.asdict(state)))


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_json(held) for name, held in value.items()}
    return [_as_json(held) for held in value] if isinstance(value, list | tuple) else value
