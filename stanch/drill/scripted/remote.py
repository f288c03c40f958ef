"""What `systemd`, `release` and `file` give on one host, made of what a script says; the rest is well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from stanch.language.plan import Json

Fields: TypeAlias = Mapping[str, Json]

_INVOCATION = "0123456789abcdef0123456789abcdef"
_FILES = {"masked": "masked", "disabled": "disabled"}


def systemd(params: Fields, own: Fields) -> Fields:
    wanted = params.get("set")
    active = own.get("active", "inactive" if wanted in ("stopped", "masked") else "active")
    name, _, kind = str(params.get("unit", "")).rpartition(".")
    unit = params.get("unit", "") if name and kind else f"{params.get('unit', '')}.service"
    up = active == "active"
    failed = active == "failed"
    down = failed and wanted in ("started", "restarted", "reloaded")
    return {
        "unit": unit,
        "load": "loaded",
        "active": active,
        "sub": "running" if up else "failed" if failed else "dead",
        "file": _FILES.get(str(wanted), "enabled"),
        "result": "exit-code" if failed else "success",
        "status": 1 if failed else 0,
        "pid": 4242 if up else 0,
        "invocation": _INVOCATION,
        "since": "Fri 2026-11-20 10:00:00 UTC",
        "changed": wanted is not None or "restore" in params,
        "problem": f"`{unit}` is failed" if down else "",
    }


def release(params: Fields, own: Fields) -> Fields:
    away, to = params.get("away_from"), params.get("to")
    goal = f"the one before {away}" if away is not None else to
    current = own.get("current", goal or "v41")
    return {
        "path": params.get("path", ""),
        "current": current,
        "previous": "v40" if current != "v40" else "v39",
        "since": 1795170000,
        "changed": to is not None or away is not None or "restore" in params,
    }


def systemd_back(params: Fields, was: Fields) -> Fields:
    """To `active`, or to what the setting usually finds."""
    wanted = params.get("set")
    each: dict[str, Json] = {}
    if wanted in ("started", "stopped", "restarted", "reloaded", "masked"):
        each["active"] = was.get("active", "inactive" if wanted == "started" else "active") == "active"
    if wanted in ("enabled", "disabled", "masked", "unmasked"):
        usual = {"enabled": "disabled", "unmasked": "masked"}.get(wanted, "enabled")
        each["file"] = was.get("file", usual)
    hosts = params.get("hosts", [])
    return {"set": None, "restore": [{"host": host, **each} for host in hosts]}


def release_back(params: Fields, was: Fields) -> Fields:
    earlier = was.get("current", params.get("away_from", "v42"))
    hosts = params.get("hosts", [])
    restore = [{"host": host, "release": earlier} for host in hosts]
    return {"to": None, "away_from": None, "restore": restore}


def file(params: Fields, own: Fields) -> Fields:
    exists = own.get("exists", params.get("absent") is not True)
    changed = any(word in params for word in ("absent", "content", "restore"))
    content = own.get("content", "")
    there = {"size": len(content.encode()), "mode": params.get("mode", "0644"), "owner": "0:0"}
    told = {} if changed or not exists else {"content": content}
    return {
        "path": params.get("path", ""),
        "exists": exists,
        "changed": changed,
        **(there if exists else {}),
        **told,
    }


def file_back(params: Fields, was: Fields) -> Fields:
    """To the `content` that was there; with `exists: false`, to no file."""
    absent = was.get("exists") is False
    state: Json = (
        {"absent": True} if absent else {"content": was.get("content", ""), "mode": was.get("mode", "0644")}
    )
    hosts = params.get("hosts", [])
    differ = dict.fromkeys(("content", "encoding", "mode", "absent"))
    return {**differ, "restore": {str(host): state for host in hosts}}
