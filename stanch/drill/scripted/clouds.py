"""What `kubernetes` and `aws` give, made of what a script says: what it leaves out is as when all is well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from stanch.language.plan import Json

Fields: TypeAlias = Mapping[str, Json]

_PODS = 2
_OF_WORKLOADS = ("restart", "rollout_status", "rollout_undo", "scale")
_WORKLOADS = ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")


def aws(_: Fields, own: Fields) -> Fields:
    found = own.get("found", True)
    return {"found": found, "json": {} if found else None, "request_id": "request-1"}


def kubernetes(params: Fields, own: Fields) -> Fields:
    verb = next((name for name in params if name != "server"), "")
    asked = params.get(verb)
    asked = asked if isinstance(asked, Mapping) else {}
    kind = asked.get("kind", "Deployment" if verb in _OF_WORKLOADS else "")
    found = own.get("found", True)
    moves = found and kind in _WORKLOADS and "name" in asked
    return {"found": found, "rollout": _rollout(kind, asked, own) if moves else own.get("rollout", {})}


def _rollout(kind: str, asked: Fields, own: Fields) -> Fields:
    said = own.get("rollout")
    said = said if isinstance(said, Mapping) else {}
    wanted = said.get("desired", asked.get("replicas", _PODS))
    counts = dict.fromkeys(("desired", "total", "updated", "ready", "available"), wanted)
    whole = {"kind": kind, "complete": True, "failed": False, "paused": False, "observed": True}
    return {**whole, "revision": int(kind == "Deployment"), "images": ["web:1"], **counts, **said}
