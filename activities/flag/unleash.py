"""Flags in Unleash, by its admin API; what clients are told, by its frontend API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from activities.flag.setting import Setting, Wanted
from activities.web.api import Api
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_GRADUAL = "flexibleRollout"
_SHARED = (_GRADUAL, "default")
"""Strategies that a percentage may be said of: `default` is everybody."""
_KEPT = ("name", "title", "disabled", "parameters", "constraints", "segments", "variants", "sortOrder")
"""What is written of a strategy. Its id is not: one that is made again has another."""


class Unleash:
    """`project` and `environment` stand in the settings: `default` and `production` unless they do. One for
    each call of the action."""

    def __init__(self, api: Api, reader: Api | None, system: str, settings: Mapping[str, Json]) -> None:
        self._api = api
        self._reader = reader
        self._system = system
        self._project = quote(settings.get("project", "default"), safe="")
        self._environment = settings.get("environment", "production")
        self._reads = _environment_of(settings.get("reader", ""))
        self._told = False
        """Something was changed."""

    async def read(self, flag: str) -> Setting:
        enabled, strategies = await self._found(flag)
        share = _widest(strategies) if enabled else 0.0
        raw = {"enabled": enabled, "strategies": [_body(each) for each in strategies]}
        return Setting(enabled and share > 0, share, raw)

    async def set(self, flag: str, wanted: Wanted) -> None:
        enabled, strategies = await self._found(flag)
        share = wanted.percentage
        if wanted.on and share is None and _widest(strategies) == 0:
            share = 100.0
        # Before it is on, so that nobody gets it who should not.
        if share is not None:
            await self._share_out(flag, share, strategies)
        if wanted.on != enabled:
            await self._turn(flag, wanted.on)

    async def restore(self, flag: str, raw: Mapping[str, Json]) -> None:
        enabled, there = await self._found(flag)
        if enabled and not raw["enabled"]:
            await self._turn(flag, False)
        left = list(there)
        for body in raw["strategies"]:
            # Its place in the order is all of a strategy that an update leaves as it is.
            place = body.get("sortOrder")
            found = next((each for each in left if each.get("sortOrder") == place), None)
            if found is None:
                await self._tell("POST", f"{self._path(flag)}/strategies", body)
                continue
            left.remove(found)
            if body != _body(found):
                await self._put(flag, found, body)
        # After those that stay: Unleash switches off what has no strategy left.
        for each in left:
            await self._tell("DELETE", f"{self._path(flag)}/strategies/{quote(each['id'], safe='')}")
        if raw["enabled"] and not enabled:
            await self._turn(flag, True)

    async def evaluate(self, flag: str, subject: Mapping[str, Json]) -> Json:
        if self._reader is None:
            raise InvalidInput(
                f"the system `{self._system}` needs `reader`, a frontend token of Unleash, to evaluate a flag"
            )
        if self._reads != self._environment:
            raise InvalidInput(
                f"the `reader` of the system `{self._system}` is no frontend token "
                f"for the environment `{self._environment}`"
            )
        # Clients are told of those that are on and of no others, so a misspelt one would be off.
        await self._found(flag)
        said = await self._reader.get("/api/frontend", {name: str(value) for name, value in subject.items()})
        return any(each["name"] == flag and each["enabled"] for each in said["toggles"])

    async def _found(self, flag: str) -> tuple[bool, Sequence[Any]]:
        """Whether it is on, and its strategies in an order that is always the same."""
        said = await self._api.get(self._path(flag))
        strategies = sorted(
            said["strategies"],
            key=lambda each: (each.get("sortOrder", 0), json.dumps(_body(each), sort_keys=True)),
        )
        return said["enabled"], strategies

    async def _share_out(self, flag: str, percentage: float, strategies: Sequence[Any]) -> None:
        if not percentage.is_integer():
            raise InvalidInput(f"Unleash knows whole percents only, and not {percentage:g}")
        active = [each for each in strategies if not each.get("disabled")]
        for each in active:
            if each["name"] not in _SHARED:
                raise ActionRefused(
                    f"`{flag}` has the strategy `{each['name']}`, which knows no percentage; "
                    "see to it in Unleash"
                )
        given = {"stickiness": "default", "groupId": flag, "rollout": f"{percentage:g}"}
        for each in active:
            parameters = {**given, **(each.get("parameters") or {}), "rollout": given["rollout"]}
            await self._put(flag, each, {**_body(each), "name": _GRADUAL, "parameters": parameters})
        if not active:
            made = {"name": _GRADUAL, "parameters": given}
            await self._tell("POST", f"{self._path(flag)}/strategies", made)

    async def _put(self, flag: str, strategy: Mapping[str, Json], body: Mapping[str, Json]) -> None:
        await self._tell("PUT", f"{self._path(flag)}/strategies/{quote(strategy['id'], safe='')}", body)

    async def _turn(self, flag: str, on: bool) -> None:
        await self._tell("POST", f"{self._path(flag)}/{'on' if on else 'off'}", {})

    async def _tell(self, method: str, path: str, body: Mapping[str, Json] | None = None) -> None:
        """One request of several: what fails after the first leaves half of the change."""
        try:
            await self._api.send(method, path, body)
        except (Unreachable, ActionRefused) as error:
            if not self._told:
                raise
            raise OutcomeUnknown(f"only a part of the change was made: {error}") from None
        self._told = True

    def _path(self, flag: str) -> str:
        place = f"{quote(flag, safe='')}/environments/{quote(self._environment, safe='')}"
        return f"/api/admin/projects/{self._project}/features/{place}"


def _body(strategy: Mapping[str, Json]) -> dict[str, Json]:
    return {word: strategy[word] for word in _KEPT if word in strategy}


def _widest(strategies: Sequence[Mapping[str, Json]]) -> float:
    """Each strategy lets its own users in; where there is none, Unleash makes one for everybody."""
    active = [each for each in strategies if not each.get("disabled")]
    return max((_share(each) for each in active), default=100.0)


def _share(strategy: Mapping[str, Json]) -> float:
    if strategy["name"] != _GRADUAL:
        return 100.0
    return float((strategy.get("parameters") or {}).get("rollout", 100))


def _environment_of(token: str) -> str:
    """A token is `PROJECT:ENVIRONMENT.SECRET`."""
    return token.rpartition(":")[2].partition(".")[0]
