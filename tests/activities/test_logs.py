"""The action `logs` against a server that answers as Loki's HTTP API is documented to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from jsonschema import Draft202012Validator
from starlette.responses import JSONResponse, PlainTextResponse, Response

from activities.action import Context
from activities.logs import Logs
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import Got, Scripted

ASKED = {"server": "main", "query": '{service="api"}'}


@pytest.fixture
async def logs(site: Scripted) -> AsyncIterator[Logs]:
    main = {"kind": "loki", "url": f"{site.url}/", "project": "payments", "token": "t0ken-word"}
    action = Logs(Systems({"main": main}))
    yield action
    await action.close()


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context()


def streams(*found: tuple[dict[str, str], list[tuple[float, str]]]) -> Any:
    result = [
        {"stream": labels, "values": [[str(round(at * 1e9)), line] for at, line in values]}
        for labels, values in found
    ]
    return {"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}}


async def test_lines_of_all_streams_in_their_order(logs: Logs, site: Scripted, reading: Context) -> None:
    one = ({"pod": "a"}, [(1000.5, "third"), (998.0, "first")])
    site.reply = lambda _: JSONResponse(streams(one, ({"pod": "b"}, [(999.25, "second")])))
    result = await logs.perform({**ASKED, "since": "1h", "limit": 50}, reading)
    Draft202012Validator(load_catalogue().actions["logs"].result).validate(result)
    assert [(each["at"], each["line"], each["labels"]["pod"]) for each in result["lines"]] == [
        (998.0, "first", "a"),
        (999.25, "second", "b"),
        (1000.5, "third", "a"),
    ]
    assert (result["count"], result["truncated"]) == (3, False)
    asked(site.got[0])


def asked(got: Got) -> None:
    query = {name: values[0] for name, values in parse_qs(got.query).items()}
    assert (got.path, query["query"]) == ("/loki/api/v1/query_range", '{service="api"}')
    assert (query["limit"], query["direction"]) == ("51", "backward")
    assert int(query["end"]) - int(query["start"]) == pytest.approx(3600e9, abs=10)
    assert (got.headers["authorization"], got.headers["x-scope-orgid"]) == ("Bearer t0ken-word", "payments")


async def test_the_newest_stay_when_there_are_more(logs: Logs, site: Scripted, reading: Context) -> None:
    site.reply = lambda _: JSONResponse(streams(({}, [(float(at), f"line {at}") for at in range(6)])))
    result = await logs.perform({**ASKED, "limit": 5}, reading)
    assert result["lines"][0]["line"] == "line 1"
    assert result["truncated"]


async def test_long_lines_are_cut_and_many_are_bounded(logs: Logs, site: Scripted, reading: Context) -> None:
    site.reply = lambda _: JSONResponse(streams(({}, [(float(at), "x" * 5_000) for at in range(100)])))
    result = await logs.perform(ASKED, reading)
    assert result["truncated"]
    assert sum(len(each["line"]) for each in result["lines"]) <= 256 * 1024
    assert all("bytes cut" in each["line"] for each in result["lines"])


async def test_no_line_is_no_failure(logs: Logs, site: Scripted, reading: Context) -> None:
    site.reply = lambda _: JSONResponse(streams())
    result = await logs.perform(ASKED, reading)
    assert (result["lines"], logs.failure(result)) == ([], None)


@pytest.mark.parametrize(
    ("answer", "family", "says"),
    [
        (
            PlainTextResponse("parse error at line 1", 400),
            ActionRefused,
            "400 Bad Request: parse error at line 1",
        ),
        (PlainTextResponse("no org id", 401), ActionRefused, "check its credentials"),
        (PlainTextResponse("too many", 429), Unreachable, "429 Too Many Requests"),
        (
            JSONResponse({"data": {"resultType": "matrix", "result": []}}),
            InvalidInput,
            "gives a matrix and no lines",
        ),
        (JSONResponse({"hello": 1}), ActionRefused, "is not one of Loki"),
    ],
)
async def test_what_is_no_answer_says_why(
    logs: Logs, site: Scripted, reading: Context, answer: Response, family: type[Exception], says: str
) -> None:
    site.reply = lambda _: answer
    with pytest.raises(family, match=says):
        await logs.perform(ASKED, reading)
