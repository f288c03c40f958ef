"""What `pull_request` and the like give, made of what a script says: the rest is as when all is well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from stanch.language.plan import Json

Fields: TypeAlias = Mapping[str, Json]

BRANCH = "stanch/rehearsal"
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


def pull_request(params: Fields, own: Fields) -> Fields:
    merged = own.get("merged", params.get("merge", False))
    asked = params.get("revert")
    commit = asked.get("commit", _COMMIT) if isinstance(asked, Mapping) else _COMMIT
    return {
        "number": 1,
        "url": "https://git.example.org/pull/1",
        "branch": params.get("branch", BRANCH),
        "base": params.get("base", "main"),
        "commit": _COMMIT,
        "state": "merged" if merged else "open",
        "merged": merged,
        "reverted": [commit],
    }


def notify(params: Fields, _: Fields) -> Fields:
    return {"channel": params.get("channel", "rehearsal"), "kind": "slack", "id": "1763630000.000100"}


def page(params: Fields, _: Fields) -> Fields:
    kind = "pagers" if "role" in params else "pagerduty"
    to = params.get("role", params.get("service", "rehearsal"))
    return {"to": to, "kind": kind, "key": params.get("key", "rehearsal")}


def pipeline(params: Fields, own: Fields) -> Fields:
    follow = params.get("follow", True) is not False
    status = own.get("status", "succeeded" if own.get("ok", follow) else "failed" if follow else "running")
    run = own.get("id", "1")
    return {
        "id": run,
        "url": f"https://jobs.example.org/{run}",
        "status": status,
        "conclusion": own.get("conclusion", status),
        "ok": status == "succeeded",
    }


def ticket(params: Fields, own: Fields) -> Fields:
    asked: Json = params.get("comment", params.get("transition"))
    known = asked if isinstance(asked, Mapping) else {}
    key = own.get("key", known.get("ticket", "OPS-1"))
    state = known.get("to", "open")
    return {
        "key": key,
        "url": f"https://tickets.example.org/{key}",
        "state": state,
        "created": "create" in params,
    }
