"""The action `logs`: lines that Loki has kept, newest last, by its HTTP API."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from activities.action import Context
from activities.output import shortened
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.errors import ActionRefused, InvalidInput
from stanch.language.duration import parse_duration
from stanch.language.plan import Json

LINES = 100
_LINE = 4096
"""Bytes of one line."""
_MOST = 256 * 1024
"""Bytes of all lines together: the oldest go first."""
_SECOND = 1_000_000_000


class Logs:
    """`logs` as an action. Close it when the worker ends."""

    name = "logs"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`lines`, each with `at line labels`; `count` and `truncated`."""
        system = self._systems.named(params.get("server"), ("loki",))
        settings = await self._systems.find(system, ("loki",), context)
        headers = {"x-scope-orgid": settings["project"]} if "project" in settings else {}
        api = Api(self._web, system, settings, context, headers=headers)
        limit, until = params.get("limit", LINES), time.time()
        since = until - parse_duration(params.get("since", "15m"))
        query = {
            "query": params["query"],
            "start": str(math.floor(since * _SECOND)),
            "end": str(math.ceil(until * _SECOND)),
            # One more than is wanted tells whether there are more.
            "limit": str(limit + 1),
            "direction": "backward",
        }
        return _result(params["query"], await api.get("/loki/api/v1/query_range", query), limit)


def _result(query: str, document: Json, limit: int) -> dict[str, Json]:
    match document:
        case {"data": {"resultType": "streams", "result": list() as streams}}:
            pass
        case {"data": {"resultType": str() as kind}}:
            raise InvalidInput(
                f"the query gives a {kind} and no lines; leave the function round it away: {query}"
            )
        case _:
            raise ActionRefused("the answer is not one of Loki; check the `url`")
    found = [
        (
            int(moment),
            {"at": int(moment) / _SECOND, "line": shortened(line, _LINE)[0], "labels": each["stream"]},
        )
        for each in streams
        for moment, line, *_ in each["values"]
    ]
    found.sort(key=lambda pair: pair[0])
    lines = [line for _, line in found[-limit:]]
    kept = _fitting(lines)
    return {"lines": kept, "count": len(kept), "truncated": len(kept) < len(found)}


def _fitting(lines: list[dict[str, Json]]) -> list[dict[str, Json]]:
    size = 0
    for at in range(len(lines) - 1, -1, -1):
        size += len(lines[at]["line"].encode("utf-8", "replace")) + sum(
            map(len, lines[at]["labels"].values())
        )
        if size > _MOST:
            return lines[at + 1 :]
    return lines
