"""Flags in LaunchDarkly, by its REST API, version 2, with JSON Patch: the form that its description has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from activities.flag.ofrep import Ofrep, evaluated
from activities.flag.setting import Setting, Wanted
from activities.web.api import Api
from stanch.errors import ActionRefused
from stanch.language.plan import Json

_WHOLE = 100_000
"""Weights are thousandths of a percent."""
_DECIDING = ("rules", "targets", "contextTargets")
"""What gives a variation to some, before all others get the `fallthrough`."""


class LaunchDarkly:
    """`project` and `environment` stand in the settings: `default` and `production` unless they do."""

    def __init__(self, api: Api, system: str, settings: Mapping[str, Json], ofrep: Ofrep | None) -> None:
        self._api = api
        self._system = system
        self._project = quote(settings.get("project", "default"), safe="")
        self._environment = settings.get("environment", "production")
        self._ofrep = ofrep

    async def read(self, flag: str) -> Setting:
        true, found = await self._found(flag)
        raw = {"on": found["on"], "fallthrough": found.get("fallthrough") or {}}
        if not found["on"]:
            return Setting(False, 0.0, raw)
        share = _share(raw["fallthrough"], true)
        return Setting(share > 0 or any(found.get(word) for word in _DECIDING), share, raw)

    async def set(self, flag: str, wanted: Wanted) -> None:
        true, found = await self._found(flag)
        if not wanted.on and found.get("offVariation") == true:
            raise ActionRefused(
                f"switched off, `{flag}` is true for everybody: that is its off variation in LaunchDarkly"
            )
        given = found.get("fallthrough") or {}
        share = wanted.percentage
        if wanted.on and share is None and not (_share(given, true) or any(map(found.get, _DECIDING))):
            share = 100.0
        patch = []
        if share is not None and share != _share(given, true):
            patch.append(self._replaced("fallthrough", _fallthrough(given, true, share)))
        if found["on"] != wanted.on:
            patch.append(self._replaced("on", wanted.on))
        await self._send(flag, patch)

    async def restore(self, flag: str, raw: Mapping[str, Json]) -> None:
        await self._send(flag, [self._replaced(word, raw[word]) for word in ("fallthrough", "on")])

    async def evaluate(self, flag: str, subject: Mapping[str, Json]) -> Json:
        return await evaluated(self._ofrep, self._system, flag, subject)

    async def _found(self, flag: str) -> tuple[int, Any]:
        """Which of the variations is true, and how it is set in the environment. Raises ActionRefused."""
        held = await self._api.get(self._path(flag), {"env": self._environment})
        values = [each["value"] for each in held["variations"]]
        if len(values) != 2 or {id(value) for value in values} != {id(True), id(False)}:
            raise ActionRefused(
                f"`{self._system}`: the variations of `{flag}` are not true and false, and this action knows "
                "no others"
            )
        found = (held.get("environments") or {}).get(self._environment)
        if found is None:
            raise ActionRefused(
                f"`{self._system}`: the flag `{flag}` has no environment `{self._environment}`"
            )
        return values.index(True), found

    async def _send(self, flag: str, patch: list[dict[str, Json]]) -> None:
        # One request, so all of it or nothing.
        await self._api.send("PATCH", self._path(flag), {"patch": patch, "comment": "by a runbook of Stanch"})

    def _replaced(self, word: str, value: Json) -> dict[str, Json]:
        name = self._environment.replace("~", "~0").replace("/", "~1")
        return {"op": "replace", "path": f"/environments/{name}/{word}", "value": value}

    def _path(self, flag: str) -> str:
        return f"/api/v2/flags/{self._project}/{quote(flag, safe='')}"


def _share(fallthrough: Mapping[str, Json], true: int) -> float:
    rollout = fallthrough.get("rollout")
    if rollout is None:
        return 100.0 if fallthrough.get("variation") == true else 0.0
    weight: int = sum(each["weight"] for each in rollout["variations"] if each["variation"] == true)
    return weight * 100 / _WHOLE


def _fallthrough(given: Mapping[str, Json], true: int, percentage: float) -> dict[str, Json]:
    if percentage == 100:
        return {"variation": true}
    weights = {true: round(percentage * _WHOLE / 100)}
    weights[1 - true] = _WHOLE - weights[true]
    variations = [{"variation": each, "weight": weights[each]} for each in (0, 1)]
    # Who is in stays in: what users are told apart by is kept.
    return {"rollout": {**(given.get("rollout") or {}), "variations": variations}}
