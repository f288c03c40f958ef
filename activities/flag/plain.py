"""Flags in plain JSON: true, false, or an object with `on` and, perhaps, `percentage`; and a file of such."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from activities.flag import document
from activities.flag.setting import Setting, Wanted
from stanch.errors import ActionRefused, InvalidInput
from stanch.language.plan import Json


class JsonFile:
    """An object of flags by name. `within`: seconds that a change may take."""

    def __init__(self, file: str, system: str, within: float) -> None:
        self._file = Path(file)
        self._system = system
        self._within = within

    async def read(self, flag: str) -> Setting:
        return plain(flag, self._held(await document.read(self._file), flag))

    async def set(self, flag: str, wanted: Wanted) -> None:
        def edit(flags: Json) -> None:
            flags[flag] = written(flag, self._held(flags, flag), wanted)

        await document.change(self._file, edit, self._within)

    async def restore(self, flag: str, raw: Mapping[str, Json]) -> None:
        def edit(flags: Json) -> None:
            self._held(flags, flag)
            flags[flag] = raw["value"]

        await document.change(self._file, edit, self._within)

    async def evaluate(self, flag: str, _: Mapping[str, Json]) -> Json:
        return told(flag, await self.read(flag))

    def _held(self, flags: Json, flag: str) -> Json:
        if flag not in flags:
            raise ActionRefused(f"`{self._system}`: there is no flag `{flag}` in {self._file}")
        return flags[flag]


def plain(flag: str, value: Json) -> Setting:
    """Raises ActionRefused for what is no flag."""
    match value:
        case bool():
            return Setting(value, 100.0 if value else 0.0, {"value": value})
        case {"on": bool() as on}:
            share = value.get("percentage", 100)
            if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 100:
                return Setting(on and share > 0, float(share) if on else 0.0, {"value": value})
    said = json.dumps(value, ensure_ascii=False)[:100]
    raise ActionRefused(
        f"`{flag}` is neither true nor false, nor an object with `on` and a `percentage`: {said}"
    )


def written(flag: str, value: Json, wanted: Wanted) -> Json:
    """`value` as it is wanted, in the form that it had: the services know no other. Raises ActionRefused."""
    plain(flag, value)
    if isinstance(value, bool):
        if wanted.percentage not in (None, 100.0):
            raise ActionRefused(
                f"`{flag}` is only true or false, so it has no percentage; "
                f'a flag that has one is written {{"on": true, "percentage": 100}}'
            )
        return wanted.on
    share = wanted.percentage
    if wanted.on and share is None and value.get("percentage") == 0:
        share = 100.0
    changed = {**value, "on": wanted.on}
    return (
        changed if share is None else {**changed, "percentage": int(share) if share.is_integer() else share}
    )


def told(flag: str, now: Setting) -> bool:
    """What the services make of it: the same for everybody, or InvalidInput."""
    if now.on and now.percentage < 100:
        raise InvalidInput(
            f"`{flag}` is on for {now.percentage:g} %, and only its service knows for whom; ask it by `http`"
        )
    return now.on
