"""Calls of `systemd` and `release` as a short line, without hosts: `systemd shop.service: restarted`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from stanch.language.plan import Json

Word: TypeAlias = Callable[[Json], str]
Params: TypeAlias = Mapping[str, Json]


def systemd(params: Params, word: Word) -> str:
    unit = f"systemd {word(params.get('unit', ''))}{_sudo(params)}"
    if "set" in params:
        return f"{unit}: {word(params['set'])}"
    if "restore" in params:
        return f"{unit}: as it was, {_each(params['restore'], _was, word)}"
    return unit


def release(params: Params, word: Word) -> str:
    link = f"release {word(params.get('path', ''))}/current{_sudo(params)}"
    if "to" in params:
        return f"{link}: to {word(params['to'])}"
    if "away_from" in params:
        return f"{link}: away from {word(params['away_from'])}, to the one before it"
    if "restore" in params:
        return f"{link}: back, {_each(params['restore'], _led, word)}"
    return link


def _each(restore: Json, one: Callable[[Params, Word], str], word: Word) -> str:
    """`web1, web2 active`: hosts that go back to the same together."""
    if not isinstance(restore, list):
        return word(restore)
    hosts: dict[str, list[str]] = {}
    for each in restore:
        hosts.setdefault(one(each, word), []).append(word(each["host"]))
    return "; ".join(f"{', '.join(names)} {how}".strip() for how, names in hosts.items())


def _was(each: Params, word: Word) -> str:
    found = ["active" if each["active"] else "not active"] if isinstance(each.get("active"), bool) else []
    file = each.get("file")
    found += [] if file is None else ["not masked" if file == "free" else word(file)]
    return ", ".join(found)


def _led(each: Params, word: Word) -> str:
    return f"to {word(each['release'])}"


def _sudo(params: Params) -> str:
    match params.get("sudo"):
        case True:
            return " (sudo)"
        case {"user": user}:
            return f" (sudo as {user})"
        case {}:
            return " (sudo)"
    return ""
