"""Flags behind an HTTP endpoint of one's own: GET and PUT of `URL/FLAG`, in plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from activities.flag.plain import plain, told, written
from activities.flag.setting import Setting, Wanted
from activities.web.api import Api
from stanch.language.plan import Json


class Endpoint:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def read(self, flag: str) -> Setting:
        return plain(flag, await self._api.get(_path(flag)))

    async def set(self, flag: str, wanted: Wanted) -> None:
        value = await self._api.get(_path(flag))
        await self._api.send("PUT", _path(flag), written(flag, value, wanted))

    async def restore(self, flag: str, raw: Mapping[str, Json]) -> None:
        await self._api.send("PUT", _path(flag), raw["value"])

    async def evaluate(self, flag: str, _: Mapping[str, Json]) -> Json:
        return told(flag, await self.read(flag))


def _path(flag: str) -> str:
    return f"/{quote(flag, safe='')}"
