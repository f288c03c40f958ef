"""Flags in a file in the format of flagd (`https://flagd.dev/schema/v0/flags.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from activities.flag import document
from activities.flag.ofrep import Ofrep, evaluated
from activities.flag.setting import Setting, Wanted
from stanch.errors import ActionRefused
from stanch.language.plan import Json

_KEPT = ("state", "defaultVariant", "targeting")


class FlagdFile:
    """`within`: seconds that a change may take. `ofrep`: whoever serves the file to clients."""

    def __init__(self, file: str, system: str, within: float, ofrep: Ofrep | None) -> None:
        self._file = Path(file)
        self._system = system
        self._within = within
        self._ofrep = ofrep

    async def read(self, flag: str) -> Setting:
        return _setting(flag, self._held(await document.read(self._file), flag))

    async def set(self, flag: str, wanted: Wanted) -> None:
        def edit(flags: Json) -> None:
            _edit(flag, self._held(flags, flag), wanted)

        await document.change(self._file, edit, self._within)

    async def restore(self, flag: str, raw: Mapping[str, Json]) -> None:
        def edit(flags: Json) -> None:
            held = self._held(flags, flag)
            for word in _KEPT:
                held.pop(word, None)
            held.update(raw)

        await document.change(self._file, edit, self._within)

    async def evaluate(self, flag: str, subject: Mapping[str, Json]) -> Json:
        return await evaluated(self._ofrep, self._system, flag, subject)

    def _held(self, found: Json, flag: str) -> Any:
        flags = found.get("flags", {})
        if isinstance(flags, list):
            # flagd itself takes a list, too; its clients do not.
            flags = {each.get("key"): each for each in flags if isinstance(each, dict)}
        if not isinstance(flags, dict) or flag not in flags:
            raise ActionRefused(f"`{self._system}`: there is no flag `{flag}` in {self._file}")
        held = flags[flag]
        if not isinstance(held, dict) or not isinstance(held.get("variants"), dict):
            raise ActionRefused(f"`{self._system}`: the flag `{flag}` in {self._file} has no `variants`")
        return held


def _setting(flag: str, held: Mapping[str, Json]) -> Setting:
    raw = {word: held[word] for word in _KEPT if word in held}
    if held.get("state", "ENABLED") != "ENABLED":
        return Setting(False, 0.0, raw)
    yes, _ = _variants(flag, held)
    targeting = held.get("targeting")
    if not targeting:
        on = held.get("defaultVariant") == yes
        return Setting(on, 100.0 if on else 0.0, raw)
    shares = _shares(targeting)
    if shares is None:
        # Rules of its own decide for whom, so it may be on for anybody.
        return Setting(True, 100.0, raw)
    whole = sum(share for _, share in shares)
    part = sum(share for name, share in shares if name == yes)
    share = part * 100 / whole if whole else 0.0
    return Setting(share > 0, share, raw)


def _edit(flag: str, held: Any, wanted: Wanted) -> None:
    yes, no = _variants(flag, held)
    # Clients do not know a disabled flag, and then each has a default of its own.
    held["state"] = "ENABLED"
    if wanted.percentage is None and wanted.on:
        if _setting(flag, held).on:
            return
    elif wanted.percentage is not None and held.get("targeting") and _shares(held["targeting"]) is None:
        raise ActionRefused(
            f"`{flag}` has a `targeting` of its own, which a percentage would replace; change it in the file"
        )
    held.pop("targeting", None)
    share = 100.0 if wanted.percentage is None else wanted.percentage
    if wanted.on and share < 100:
        # Weights are whole numbers.
        fine = 1 if share.is_integer() else 1000
        part = round(share * fine)
        held["targeting"] = {"fractional": [[yes, part], [no, 100 * fine - part]]}
        # For those whom it cannot tell apart.
        held["defaultVariant"] = no
    else:
        held["defaultVariant"] = yes if wanted.on else no


def _shares(targeting: Json) -> list[tuple[str, int]] | None:
    """Names and weights, where there is nothing else in it and nothing computed."""
    match targeting:
        case {"fractional": list() as shares} if len(targeting) == 1 and all(map(_is_share, shares)):
            return [(name, weight) for name, weight in shares]
    return None


def _is_share(share: Json) -> bool:
    match share:
        case [str(), int()]:
            return True
    return False


def _variants(flag: str, held: Mapping[str, Json]) -> tuple[str, str]:
    """Names of the variants that are true and false. Raises ActionRefused."""
    names = {value: name for name, value in held["variants"].items() if isinstance(value, bool)}
    if len(names) != 2 or len(held["variants"]) != 2:
        raise ActionRefused(
            f"the variants of `{flag}` are not one true and one false, and this action knows no others"
        )
    return names[True], names[False]
