"""The action `silence`: nobody is told of certain alerts for a while (Alertmanager's API, version 2).

A silence is known again by its matchers and its comment, which the runbook chooses: so it is not made twice,
and the way back finds it without an id that only its making gives.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from activities.action import Context, Standing
from activities.afterwards import executed
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.errors import InvalidInput
from stanch.language.duration import parse_duration
from stanch.language.plan import Json

_AUTHOR = "stanch"
_COMMENT = "a runbook of Stanch"
_MATCHER = re.compile(r"^(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<how>=~|!~|!=|=)(?P<value>.*)$", re.DOTALL)


class Silence:
    """`silence` as an action. Close it when the worker ends."""

    name = "silence"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`ids`, `ends`, `silenced`: how many alerts that fire now are covered."""
        api = await self._api(params, context)
        if params.get("remove"):
            for each in await _standing(api, params):
                await api.send("DELETE", f"/api/v2/silence/{each['id']}", also=(404,))
            with executed("the silence"):
                return await _result(api, params, [])
        now = datetime.now(UTC)
        made = await api.send(
            "POST",
            "/api/v2/silences",
            {
                "matchers": _matchers(params),
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(seconds=parse_duration(params["for"]))).isoformat(),
                "createdBy": _AUTHOR,
                "comment": _comment(params),
            },
        )
        ends = round(now.timestamp() + parse_duration(params["for"]), 3)
        with executed("the silence"):
            return await _result(api, params, [{"id": made["silenceID"], "ends": ends}])

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        """In place: one of this comment and these matchers lasts for at least nine tenths of the time that is
        asked for, so one that an earlier attempt has made is."""
        api = await self._api(params, context)
        found = await _standing(api, params)
        if params.get("remove"):
            return Standing(not found, await _result(api, params, []))
        least = time.time() + 0.9 * parse_duration(params["for"])
        lasting = [each for each in found if each["ends"] >= least]
        return Standing(bool(lasting), await _result(api, params, lasting), {"remove": True})

    async def _api(self, params: Mapping[str, Json], context: Context) -> Api:
        system = self._systems.named(params.get("server"), ("alertmanager",))
        settings = await self._systems.find(system, ("alertmanager",), context)
        return Api(self._web, system, settings, context)


async def _standing(api: Api, params: Mapping[str, Json]) -> list[dict[str, Json]]:
    """`id` and `ends` of each silence of ours with this comment and these matchers that has not ended."""
    wanted = _key(_matchers(params))
    return [
        {"id": each["id"], "ends": datetime.fromisoformat(each["endsAt"]).timestamp()}
        for each in await api.get("/api/v2/silences")
        if each["status"]["state"] != "expired"
        and (each["createdBy"], each["comment"]) == (_AUTHOR, _comment(params))
        and _key(each["matchers"]) == wanted
    ]


async def _result(api: Api, params: Mapping[str, Json], lasting: list[dict[str, Json]]) -> dict[str, Json]:
    query: dict[str, str | list[str]] = {"filter": [_written(each) for each in _matchers(params)]}
    return {
        "ids": [each["id"] for each in lasting],
        "ends": max((each["ends"] for each in lasting), default=0.0),
        "alerts": len(await api.get("/api/v2/alerts", query)),
    }


def _matchers(params: Mapping[str, Json]) -> list[dict[str, Json]]:
    given = params["matchers"]
    if isinstance(given, dict):
        return [_of_label(name, value) for name, value in given.items()]
    return [_matcher(text) for text in given]


def _of_label(name: str, value: Json) -> dict[str, Json]:
    """One value, or one of several: each of them as it is, and no pattern."""
    several = isinstance(value, list)
    text = "|".join(map(re.escape, value)) if several else value
    return {"name": name, "value": text, "isRegex": several, "isEqual": True}


def _written(matcher: Mapping[str, Json]) -> str:
    how = ("=" if matcher["isEqual"] else "!") + (
        "~" if matcher["isRegex"] else "" if matcher["isEqual"] else "="
    )
    return f"{matcher['name']}{how}{json.dumps(matcher['value'], ensure_ascii=False)}"


def _comment(params: Mapping[str, Json]) -> str:
    return str(params.get("comment", _COMMENT))


def _matcher(text: str) -> dict[str, Json]:
    found = _MATCHER.match(text)
    if found is None:
        raise InvalidInput(f"`{text}` is no matcher such as `service=api` or `zone=~eu-.*`")
    how = found["how"]
    value = found["value"]
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return {
        "name": found["name"],
        "value": value,
        "isRegex": how.endswith("~"),
        "isEqual": not how.startswith("!"),
    }


def _key(matchers: list[dict[str, Json]]) -> list[tuple[Json, ...]]:
    return sorted(
        (each["name"], each["value"], each["isRegex"], each.get("isEqual", True)) for each in matchers
    )
