"""The action against a real Prometheus that scrapes a small exporter, and against what is not Prometheus."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from activities.action import Context
from activities.prometheus.action import Prometheus
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.served import free_port, raw, scripted, served

METRICS = """\
# TYPE rate gauge
rate{service="api"} 0.25
rate{service="web"} 3
# TYPE zero gauge
zero 0
# TYPE odd gauge
odd{kind="nan"} NaN
# TYPE huge gauge
huge +Inf
"""

# One Prometheus serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("prometheus")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that has scraped the exporter."""
    program = shutil.which("prometheus")
    assert program is not None, "the program `prometheus` is missing; `make system` installs it"
    folder = tmp_path_factory.mktemp("prometheus")
    port = free_port()

    async def metrics(_: Request) -> PlainTextResponse:
        return PlainTextResponse(METRICS)

    with served(Starlette(routes=[Route("/metrics", metrics)])) as exporter:
        target = exporter.removeprefix("http://")
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: test, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        process = _started(program, folder, port)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _started(program: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    return subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "Prometheus ended"
        try:
            answer = httpx.get(f"{url}/api/v1/query", params={"query": "zero"}).json()
        except (httpx.HTTPError, ValueError):
            answer = {}
        if answer.get("data", {}).get("result"):
            return
        time.sleep(0.1)
    raise AssertionError("Prometheus did not scrape in time")


@pytest.fixture
async def prometheus(server: str) -> AsyncIterator[Prometheus]:
    action = Prometheus(server)
    yield action
    await action.close()


async def ask(action: Prometheus, query: str, seconds: float = 10.0, **params: Any) -> dict[str, Any]:
    context = Context(key="", timeout=seconds, one=False, beat=lambda note: None)
    result: dict[str, Any] = await action.perform({"query": query, **params}, context)
    Draft202012Validator(load_catalogue().actions["prometheus"].result).validate(result)
    json.dumps(result, allow_nan=False)
    return result


# --- a real Prometheus ------------------------------------------------------------------------------------


async def test_one_series_gives_its_value(prometheus: Prometheus) -> None:
    result = await ask(prometheus, 'rate{service="api"}')
    assert (result["value"], result["type"]) == (0.25, "vector")
    assert [series["value"] for series in result["series"]] == [0.25]
    assert result["series"][0]["labels"]["service"] == "api"
    assert result["query"] == 'rate{service="api"}'
    assert prometheus.failure(result) is None


async def test_a_whole_number_is_a_float(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "zero")
    assert result["value"] == 0.0
    assert isinstance(result["value"], float)
    assert json.dumps(result["value"]) == "0.0", "so it stays one on its way through Temporal"


async def test_every_series_is_there_and_the_first_gives_the_value(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "sort_desc(rate)")
    found = [(series["labels"]["service"], series["value"]) for series in result["series"]]
    assert found == [("web", 3.0), ("api", 0.25)]
    assert result["value"] == 3.0


async def test_a_scalar_gives_its_value(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "scalar(zero) + 2")
    assert (result["type"], result["value"], result["series"]) == (
        "scalar",
        2.0,
        [{"labels": {}, "value": 2.0}],
    )


async def test_no_series_is_a_failure_and_no_value(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "no_such_metric")
    assert (result["series"], "value" in result) == ([], False)
    assert prometheus.failure(result) == "the query gave no series: no_such_metric"


@pytest.mark.parametrize(
    ("query", "special"), [("odd", "NaN"), ("huge", "+Inf"), ("-huge", "-Inf"), ("0/zero", "NaN")]
)
async def test_what_is_no_number_is_named_and_gives_no_value(
    prometheus: Prometheus, query: str, special: str
) -> None:
    result = await ask(prometheus, query)
    assert (result["special"], "value" in result) == (special, False)
    assert result["series"][0]["special"] == special
    failure = prometheus.failure(result)
    assert failure is not None
    assert failure.startswith(f"the query gave {special}, which is no number")


async def test_one_number_among_the_series_is_enough(prometheus: Prometheus) -> None:
    assert prometheus.failure(await ask(prometheus, "odd or zero")) is None


async def test_a_query_that_does_not_parse_is_refused_with_the_reason(
    prometheus: Prometheus, server: str
) -> None:
    with pytest.raises(ActionRefused) as caught:
        await ask(prometheus, "sum(")
    assert str(caught.value).startswith(f"Prometheus {server} refused the query (bad_data): ")
    assert "parse error" in str(caught.value)


async def test_a_query_that_fails_while_it_runs_is_refused_with_the_reason(prometheus: Prometheus) -> None:
    with pytest.raises(ActionRefused, match=r"refused the query \(execution\): "):
        await ask(prometheus, "rate * on(job) zero * on(job) rate")


@pytest.mark.parametrize(
    ("query", "says"), [("zero[1m]", "a range of samples"), ('"text"', "gives a string")]
)
async def test_a_query_of_another_type_is_the_authors_error(
    prometheus: Prometheus, query: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        await ask(prometheus, query)


async def test_another_moment_may_be_asked_about(prometheus: Prometheus) -> None:
    assert (await ask(prometheus, "time()", time=1000))["value"] == 1000.0
    assert (await ask(prometheus, "time()", time="1970-01-01T00:00:10Z"))["value"] == 10.0


async def test_a_query_too_long_for_a_url_is_answered(prometheus: Prometheus) -> None:
    query = "zero + " + " + ".join(["1"] * 5000)
    assert (await ask(prometheus, query))["value"] == 5000.0


async def test_a_step_may_name_its_server(server: str) -> None:
    action = Prometheus()
    try:
        assert (await ask(action, "zero", server=f"{server}/"))["value"] == 0.0
    finally:
        await action.close()


# --- how it was over some time ---------------------------------------------------------------------------


async def test_a_range_gives_points_and_what_they_come_to(prometheus: Prometheus) -> None:
    moments = {"start": 1000, "end": "1970-01-01T00:18:40Z", "step": "30s"}
    result = await ask(prometheus, "vector(time())", range=moments)
    (series,) = result["series"]
    assert series["points"] == [[at, at] for at in (1000.0, 1030.0, 1060.0, 1090.0, 1120.0)]
    ends = [series[word] for word in ("min", "max", "first", "last")]
    assert ends == [1000.0, 1120.0, 1000.0, 1120.0]
    assert (result["value"], result["type"], result["step"]) == (1120.0, "range", 30.0)
    assert prometheus.failure(result) is None


async def test_the_last_minutes_have_about_sixty_points(prometheus: Prometheus) -> None:
    before = time.time()
    result = await ask(prometheus, "vector(1)", range={"last": "1h"})
    points = result["series"][0]["points"]
    assert (len(points), result["step"]) == (61, 60.0)
    assert before - 0.01 <= points[-1][0] <= time.time() + 0.01


async def test_what_is_not_finite_is_a_hole_and_counted(prometheus: Prometheus) -> None:
    moments = {"start": 0, "end": 40, "step": "10s"}
    (series,) = (await ask(prometheus, "1 / (vector(time()) - 20 != 10)", range=moments))["series"]
    assert [at for at, _ in series["points"]] == [0.0, 10.0, 40.0]
    assert (series["not_finite"], series["max"]) == (1, 0.05)


async def test_a_range_without_any_number_says_what_it_has(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "vector(1) / 0", range={"last": "1m"})
    assert (result["special"], "value" in result, result["series"][0]["points"]) == ("+Inf", False, [])
    assert "the query gave +Inf" in (prometheus.failure(result) or "")


async def test_a_range_of_nothing_is_a_failure(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "no_such_metric", range={"last": "1h"})
    assert prometheus.failure(result) == "the query gave no series: no_such_metric"


async def test_every_series_of_a_range_keeps_its_labels(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "rate", range={"last": "10s", "step": "1s"})
    found = {series["labels"]["service"]: series["last"] for series in result["series"]}
    assert found == {"api": 0.25, "web": 3.0}


@pytest.mark.parametrize(
    ("moments", "says"),
    [
        ({"last": "1d", "step": "1s"}, r"86,401 points a series, and 1,500 .* make `step` 58s at least"),
        ({"last": "0s"}, "`range.last` is shorter than a second"),
        ({"last": "soon"}, "`range.last`: `soon` is not a duration"),
        ({"start": 20, "end": 10}, "ends before it starts"),
        ({"start": "2026-11-23T08:00:00"}, "says no time zone"),
        ({"start": "2026-11-23Tlunch"}, "neither RFC 3339 nor seconds"),
    ],
)
async def test_a_range_that_cannot_be_asked_for_is_the_authors_error(
    lone: Prometheus, moments: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        await ask(lone, "up", server="http://127.0.0.1:1", range=moments)


async def test_a_day_by_the_minute_is_within_the_limit(prometheus: Prometheus) -> None:
    result = await ask(prometheus, "vector(1)", range={"last": "1d", "step": "1m"})
    assert len(result["series"][0]["points"]) == 1441


async def test_too_many_series_are_refused_and_not_cut(lone: Prometheus) -> None:
    series = [{"metric": {"n": str(number)}, "values": [[0, "1"]]} for number in range(51)]
    data = {"resultType": "matrix", "result": series}
    with scripted() as site:
        site.reply = lambda got: JSONResponse({"status": "success", "data": data})
        with pytest.raises(ActionRefused, match="51 series with 51 points"):
            await ask(lone, "up", server=site.url, range={"last": "1m"})


async def test_remarks_on_a_range_are_passed_on(lone: Prometheus) -> None:
    data = {"resultType": "matrix", "result": []}
    said = {"status": "success", "data": data, "warnings": ["partial"], "infos": ["is no counter"]}
    with scripted() as site:
        site.reply = lambda got: JSONResponse(said)
        result = await ask(lone, "up", server=site.url, range={"last": "1m"})
    assert result["warnings"] == ["partial", "is no counter"]
    assert site.got[0].path == "/api/v1/query_range"


# --- what is not there, or not Prometheus -----------------------------------------------------------------


@pytest.fixture
async def lone() -> AsyncIterator[Prometheus]:
    action = Prometheus()
    yield action
    await action.close()


async def test_without_any_server_the_author_is_told_what_to_set(lone: Prometheus) -> None:
    with pytest.raises(InvalidInput, match=r"`server` or set `prometheus.url`"):
        await ask(lone, "up")


async def test_nobody_listening_is_unreachable(lone: Prometheus) -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        await ask(lone, "up", server=f"http://127.0.0.1:{free_port()}")


async def test_a_long_query_that_gets_no_answer_is_still_only_a_read(lone: Prometheus) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(silent) as url:
        with pytest.raises(Unreachable, match="no answer within"):
            await ask(lone, "x" * 3000, seconds=0.2, server=url)


@pytest.mark.parametrize(
    ("status", "body", "family"),
    [
        (502, "<html>", Unreachable),
        (401, "who are you", ActionRefused),
        (200, "<html>", ActionRefused),
        (200, '{"status": "success", "data": {"resultType": "vector"}}', ActionRefused),
    ],
)
async def test_an_answer_that_is_not_prometheus_is_not_taken_for_one(
    lone: Prometheus, status: int, body: str, family: type[Exception]
) -> None:
    with scripted() as site:
        site.reply = lambda got: Response(body, status)
        with pytest.raises(family, match="which is not Prometheus; check the URL"):
            await ask(lone, "up", server=site.url)


async def test_an_answer_without_end_is_refused_with_advice(lone: Prometheus) -> None:
    with scripted() as site:
        site.reply = lambda got: JSONResponse(["x" * 2_000_000])
        with pytest.raises(ActionRefused, match="aggregate the series"):
            await ask(lone, "up", server=site.url)


async def test_warnings_and_native_histograms_are_told(lone: Prometheus) -> None:
    def reply(result: list[Any]) -> Response:
        data = {"resultType": "vector", "result": result}
        return JSONResponse({"status": "success", "data": data, "warnings": ["partial"]})

    with scripted() as site:
        site.reply = lambda got: reply([{"metric": {}, "value": [0, "1"]}])
        assert (await ask(lone, "up", server=site.url))["warnings"] == ["partial"]
        site.reply = lambda got: reply([{"metric": {}, "histogram": [0, {}]}])
        with pytest.raises(InvalidInput, match="histogram_quantile"):
            await ask(lone, "up", server=site.url)


async def test_a_long_query_does_not_travel_in_the_url(lone: Prometheus) -> None:
    """Prometheus itself would take it, the proxies in front of it would not."""
    with scripted() as site:
        site.reply = lambda got: JSONResponse(
            {"status": "success", "data": {"resultType": "vector", "result": []}}
        )
        await ask(lone, "x" * 3000, server=site.url)
    got = site.got[0]
    assert (got.method, got.query) == ("POST", "")
    assert got.body.startswith(b"query=xxx")


async def test_credentials_and_headers_are_sent(lone: Prometheus) -> None:
    with scripted() as site:
        site.reply = lambda got: JSONResponse(
            {"status": "success", "data": {"resultType": "vector", "result": []}}
        )
        await ask(
            lone, "up", server=f"{site.url}/prom", auth={"bearer": "t0ken"}, headers={"X-Scope-OrgID": "a"}
        )
    got = site.got[0]
    assert (got.method, got.path) == ("GET", "/prom/api/v1/query")
    assert (got.headers["authorization"], got.headers["x-scope-orgid"]) == ("Bearer t0ken", "a")
