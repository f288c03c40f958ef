"""The action `page`: what each service is sent, held against what its vendor has published."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from jsonschema import Draft202012Validator
from starlette.responses import JSONResponse, Response

from activities.action import Context, Telling
from activities.attempt.parameters import Parameters
from activities.marks import mark_of
from activities.page_out import PageOut
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import Scripted, free_port
from tests.support import contracts

SPEC = load_catalogue().actions["page"]
STEM = "run/failover/ab12@1763630000.000/page"
LINK = {"title": "Run", "url": "https://x.example/a?b=1"}


@pytest.fixture
async def page(site: Scripted) -> AsyncIterator[PageOut]:
    site.reply = lambda _: JSONResponse({"status": "success", "result": "ok", "requestId": "r-1"}, 202)
    url = site.url.replace("http", "json", 1)
    nobody = f"json://127.0.0.1:{free_port()}/"
    action = PageOut(
        Systems(
            {
                "duty": {"kind": "pagerduty", "url": site.url, "token": "r0uting-key"},
                "genie": {"kind": "opsgenie", "url": site.url, "token": "genie-key"},
                "bare": {"kind": "pagerduty"},
            }
        ),
        {"dba": [f"{url}/dba", nobody], "gone": [nobody], "silent": []},
    )
    yield action
    await action.close()


@pytest.fixture
def context(beats: Beats) -> Context:
    return replace(beats.context(), key=f"{STEM}#4")


async def paged(action: PageOut, context: Context, **params: Any) -> Any:
    asked = {"text": "Replication has stopped.\nThe replica needs a person.", **params}
    Parameters(SPEC).check(asked)
    result = await action.perform(asked, context)
    Draft202012Validator(SPEC.result).validate(result)
    return result


@contracts.needed
@pytest.mark.parametrize("drill", [False, True])
async def test_pagerduty_gets_an_event_that_it_takes(
    page: PageOut, site: Scripted, context: Context, drill: bool
) -> None:
    asked: dict[str, Any] = {"service": "duty", "severity": "SEV1", "details": {"lag": 90}, "links": [LINK]}
    result = await paged(page, replace(context, drill=drill), **asked)
    (got,) = site.got
    assert contracts.violations("pagerduty/events-v2-for-prism.json", got) == []
    event = json.loads(got.body)
    assert (event["routing_key"], event["event_action"]) == ("r0uting-key", "trigger")
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["summary"].startswith("[DRILL] Repl" if drill else "Repl")
    assert result == {"to": "duty", "kind": "pagerduty", "key": mark_of(STEM)}
    assert "authorization" not in got.headers


@contracts.needed
@pytest.mark.parametrize("drill", [False, True])
async def test_opsgenie_gets_an_alert_that_it_takes(
    page: PageOut, site: Scripted, context: Context, drill: bool
) -> None:
    await paged(page, replace(context, drill=drill), service="genie", details={"lag": 90}, links=[LINK])
    (got,) = site.got
    assert contracts.violations("opsgenie/opsgenie-oas.yml", got) == []
    alert = json.loads(got.body)
    assert alert["message"] == ("[DRILL] " if drill else "") + "Replication has stopped."
    assert (alert["alias"], alert["priority"], alert["details"]) == (mark_of(STEM), "P2", {"lag": "90"})
    assert alert["tags"] == (["drill"] if drill else [])
    assert got.headers["authorization"] == "GenieKey genie-key"


@pytest.mark.parametrize("service", ["duty", "genie"])
async def test_every_attempt_at_a_step_has_one_key(
    page: PageOut, site: Scripted, context: Context, service: str
) -> None:
    first = await paged(page, context, service=service)
    second = await paged(page, replace(context, key=f"{STEM}#9"), service=service)
    other = await paged(page, replace(context, key=f"{STEM}[1]#4"), service=service)
    assert first["key"] == second["key"] != other["key"]
    word = "dedup_key" if service == "duty" else "alias"
    assert [json.loads(got.body)[word] for got in site.got] == [first["key"], first["key"], other["key"]]


@contracts.needed
async def test_a_page_is_resolved_by_its_key(page: PageOut, site: Scripted, context: Context) -> None:
    await paged(page, context, service="duty", key="db/orders", resolve=True)
    await paged(page, context, service="genie", key="db/orders", resolve=True)
    duty, genie = site.got
    assert json.loads(duty.body) == {
        "routing_key": "r0uting-key",
        "event_action": "resolve",
        "dedup_key": "db/orders",
    }
    assert contracts.violations("pagerduty/events-v2-for-prism.json", duty) == []
    assert genie.path in ("/v2/alerts/db/orders/close", "/v2/alerts/db%2Forders/close")
    assert parse_qs(genie.query) == {"identifierType": ["alias"]}


async def test_a_long_text_is_cut_to_what_a_service_takes(
    page: PageOut, site: Scripted, context: Context
) -> None:
    await paged(page, context, service="duty", text="a" * 5000)
    await paged(page, context, service="genie", text="a" * 5000)
    duty, genie = (json.loads(got.body) for got in site.got)
    assert len(duty["payload"]["summary"]) == 1024
    assert len(genie["message"]) == 130


async def test_a_role_is_paged_wherever_its_pages_go(page: PageOut, site: Scripted, context: Context) -> None:
    result = await paged(page, replace(context, drill=True), role="dba", severity="SEV1", links=[LINK])
    assert (result["to"], result["kind"]) == ("dba", "pagers")
    (got,) = site.got
    sent = json.loads(got.body)
    assert sent["title"] == "SEV1: [DRILL] Replication has stopped."
    assert "https://x.example/a?b=1" in sent["message"]


@pytest.mark.parametrize(
    ("params", "reply", "family", "says"),
    [
        (
            {"role": "gone"},
            Response(""),
            Unreachable,
            "`gone` could not be paged: `json` did not take the page",
        ),
        (
            {"role": "nobody"},
            Response(""),
            InvalidInput,
            "does not know `nobody`; it knows `dba`, `gone`, `silent`",
        ),
        ({"role": "silent"}, Response(""), InvalidInput, "does not know `silent`"),
        ({"service": "bare"}, Response(""), InvalidInput, "`bare` is a `pagerduty` and needs a `token`"),
        (
            {"service": "duty"},
            JSONResponse({"message": "bad key"}, 400),
            ActionRefused,
            "400 Bad Request: bad key",
        ),
        ({"service": "duty"}, Response("", 429), Unreachable, "429"),
        (
            {"service": "duty"},
            JSONResponse({"status": "invalid event", "message": "no"}),
            ActionRefused,
            "page: no",
        ),
        (
            {"service": "genie"},
            JSONResponse({"message": "key is not valid"}, 422),
            ActionRefused,
            "key is not valid",
        ),
    ],
)
async def test_each_way_to_fail(
    page: PageOut,
    site: Scripted,
    context: Context,
    params: dict[str, Any],
    reply: Response,
    family: type[Exception],
    says: str,
) -> None:
    site.reply = lambda _: reply
    with pytest.raises(family, match=says) as failed:
        await paged(page, context, **params)
    assert "r0uting-key" not in str(failed.value)


@pytest.mark.parametrize(
    "params", [{"role": "a", "service": "b"}, {"resolve": True}, {"severity": "P1"}, {"role": "a\nb"}]
)
def test_what_does_not_fit_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Parameters(SPEC).check({"text": "x", **params})


def test_it_is_one_that_tells(page: PageOut) -> None:
    assert isinstance(page, Telling)
    assert SPEC.tells
