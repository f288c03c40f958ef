"""The action `prometheus`: an instant or a range query, and its series as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from activities.action import Context
from activities.http import credentials, text
from activities.prometheus.ranges import Range, read_range, series_of
from activities.web.data import parsed
from activities.web.exchange import Answer, Ask, Web, shown, status_text
from stanch.errors import ActionRefused, InvalidInput, OutsideError, Unreachable
from stanch.language.plan import Json
from stanch.secrets import redact

ANSWER_LIMIT = 1024 * 1024
_LONGEST_GET = 2000
"""Characters of a query in a URL; proxies refuse long ones, and Prometheus takes a form just as well."""
_AWAY = (502, 503, 504)


class Prometheus:
    """`prometheus` as an action; `server` is the base URL for steps that name none. Close it when the worker
    ends."""

    name = "prometheus"

    def __init__(self, server: str = "") -> None:
        self._server = server
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        server = params.get("server") or self._server
        if not server:
            raise InvalidInput(
                "no Prometheus to ask: give the step a `server` or set `prometheus.url` in the configuration"
            )
        headers, hidden = credentials(params)
        asked = read_range(params["range"]) if "range" in params else None
        answer = await self._web.exchange(_ask(server, headers, params, context.timeout, asked))
        document = _data(server, answer)
        result = _matrix(params["query"], document, asked) if asked else _result(params["query"], document)
        return redact(result, hidden)

    def failure(self, result: Json) -> str | None:
        query = result["query"]
        if not result["series"]:
            return f"the query gave no series: {query}"
        if all("special" in series for series in result["series"]):
            special = result["series"][0]["special"]
            return f"the query gave {special}, which is no number (a division by zero?): {query}"
        return None


def _ask(
    server: str, headers: dict[str, str], params: Mapping[str, Json], timeout: float, asked: Range | None
) -> Ask:
    fields = {"query": params["query"], "timeout": f"{max(1, math.ceil(timeout))}s"}
    if "time" in params:
        fields["time"] = text(params["time"])
    fields |= asked.fields() if asked else {}
    long = len(params["query"]) > _LONGEST_GET
    return Ask(
        method="POST" if long else "GET",
        url=f"{server.rstrip('/')}/api/v1/{'query_range' if asked else 'query'}",
        safe=True,
        timeout=timeout,
        limit=ANSWER_LIMIT,
        headers=headers,
        query={} if long else fields,
        form=fields if long else None,
        ca_file=params.get("ca_file", ""),
        certificate=params.get("client_certificate"),
    )


def _data(server: str, answer: Answer) -> dict[str, Json]:
    """The document that Prometheus answered. Raises OutsideError when it is not a success."""
    if answer.truncated:
        raise ActionRefused(
            f"Prometheus {shown(server)} answered with more than 1 MiB; aggregate the series in the query"
        )
    try:
        document = parsed(answer.body)
    except ValueError:
        raise _unlike_prometheus(server, answer) from None
    match document:
        case {"status": "success", "data": {"resultType": str(), "result": list()}}:
            return dict(document)
        case {"status": "error", "errorType": str(kind), "error": str(said)}:
            raise ActionRefused(f"Prometheus {shown(server)} refused the query ({kind}): {said}")
    raise _unlike_prometheus(server, answer)


def _unlike_prometheus(server: str, answer: Answer) -> OutsideError:
    family = Unreachable if answer.status in _AWAY else ActionRefused
    return family(
        f"{shown(server)} answered {status_text(answer.status)}, which is not Prometheus; check the URL"
    )


def _result(query: str, document: Mapping[str, Json]) -> dict[str, Json]:
    kind, found = document["data"]["resultType"], document["data"]["result"]
    match kind:
        case "scalar":
            series: list[dict[str, Json]] = [{"labels": {}, **_number(found[1])}]
        case "vector":
            series = [_series(one) for one in found]
        case "matrix":
            raise InvalidInput(
                "the query gives a range of samples; put a function such as `rate()` around it, or ask for a "
                f"`range`: {query}"
            )
        case _:
            raise InvalidInput(f"the query gives a {kind} and not numbers: {query}")
    result: dict[str, Json] = {"query": query, "type": kind, "series": series}
    if series and "value" in series[0]:
        result["value"] = series[0]["value"]
    if series and "special" in series[0]:
        result["special"] = series[0]["special"]
    return result | _remarks(document)


def _matrix(query: str, document: Mapping[str, Json], asked: Range) -> dict[str, Json]:
    """As `_result`; `value` is the newest of the only, or first, series."""
    series = series_of(document["data"]["result"], query)
    result: dict[str, Json] = {"query": query, "type": "range", "series": series, "step": asked.step}
    if series and "last" in series[0]:
        result["value"] = series[0]["last"]
    if series and "special" in series[0]:
        result["special"] = series[0]["special"]
    return result | _remarks(document)


def _remarks(document: Mapping[str, Json]) -> dict[str, Json]:
    """What Prometheus says about the query beside its answer; from version 3 on a part of it as `infos`."""
    said = [str(one) for word in ("warnings", "infos") for one in document.get(word) or ()]
    return {"warnings": said} if said else {}


def _series(one: Mapping[str, Json]) -> dict[str, Json]:
    if "value" not in one:
        raise InvalidInput("the query gives native histograms; put `histogram_quantile()` around it")
    return {"labels": one["metric"], **_number(one["value"][1])}


def _number(sample: str) -> dict[str, Json]:
    """`value`, always a float; JSON has no NaN and no infinity, so those are named as `special` instead."""
    number = float(sample)
    return {"value": number} if math.isfinite(number) else {"special": sample}
