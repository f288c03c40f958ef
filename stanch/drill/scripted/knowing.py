"""Actions that know by themselves whether their change is in place, and how it goes back.

What the worker asks such an action, the script says: `before` is what was there, and `in_place` in a look is
whether the change is. Where nothing is said, it is not before it was executed, and then it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from stanch.drill.scripted import remote, teamwork
from stanch.drill.scripted.given import Look
from stanch.drill.scripted.systems import dict_of, listed
from stanch.language import tree
from stanch.language.evaluate import show
from stanch.language.plan import Call, Json, Poll
from stanch.language.tree import plain

IN_PLACE = "in_place"
"""A word of looks, beside the fields of the action's result."""

Fields: TypeAlias = Mapping[str, Json]
Back: TypeAlias = Fields | None
"""The parameters that differ in the call that goes back, None for one that is left out there."""


def asking(seconds: float) -> Poll:
    """As the worker asks until the change is in place."""
    return Poll(f"result.{IN_PLACE}", within=seconds, every=1.0)


def says_in_place(look: Look, *, usual: bool = True) -> bool:
    """As the look says; `usual` when it does not."""
    said = look.fields.get(IN_PLACE)
    return said.value is True if isinstance(said, tree.Scalar) else usual


def without_word(look: Look) -> Look:
    """What of a look is the action's result."""
    own = tuple(entry for entry in look.fields.entries if entry.name != IN_PLACE)
    return replace(look, fields=replace(look.fields, entries=own))


def way_back(call: Call, before: Look | None) -> Call | None:
    """The call that brings back what `before` says was there; where it says nothing, what usually is."""
    was = plain(without_word(before).fields) if before is not None else {}
    differ = _BACKS.get(call.action, _none)(call.params, was)
    if differ is None:
        return None
    params = {**call.params, **differ}
    left = {name: held for name, held in params.items() if name not in differ or held is not None}
    return replace(call, params=left)


# --- by action --------------------------------------------------------------------------------------------


def _none(_: Fields, __: Fields) -> Back:
    return None


def _dns(params: Fields, was: Fields) -> Back:
    pairs = [(show(each["name"]), show(each["type"])) for each in listed(params.get("records"))] or [
        (show(name), kind.upper())
        for name in listed(params.get("names"))
        for kind in ("a", "aaaa", "cname", "txt")
    ]
    known = {(each.get("name"), each.get("type")): each for each in map(dict_of, listed(was.get("answers")))}
    records = [
        {
            "name": name,
            "type": kind,
            "ttl": known.get((name, kind), {}).get("ttl", 0),
            "values": listed(known.get((name, kind), {}).get("values")),
        }
        for name, kind in pairs
    ]
    zone = params.get("zone", pairs[0][0].partition(".")[2] or pairs[0][0])
    return {"names": None, "set": None, "zone": zone, "records": records}


def _flag(params: Fields, was: Fields) -> Back:
    if "restore" in params:
        return None
    share = was.get("percentage", 100.0 if was.get("on", True) else 0.0)
    return {"set": None, "restore": {"on": was.get("on", share > 0), "percentage": share}}


def _haproxy(params: Fields, was: Fields) -> Back:
    names = [each["name"] for each in listed(params.get("restore"))] or listed(params.get("servers"))
    known = {each.get("name"): each for each in map(dict_of, listed(was.get("servers")))}
    usual = {"state": "ready", "weight": 1}
    own = [{"name": name, **usual, **known.get(name, {})} for name in names]
    restore = [{word: each[word] for word in ("name", "state", "weight")} for each in own]
    return {"servers": None, "set": None, "restore": restore}


def _postgres(params: Fields, was: Fields) -> Back:
    leader = was.get("leader", _left(params, "switchover", "failover") or "pg1")
    return {"failover": None, "switchover": {"to": leader}} if leader else None


def _redis(params: Fields, was: Fields) -> Back:
    master = was.get("master", _left(params, "failover") or "192.0.2.1:6379")
    return {"failover": {"to": master}} if master else None


def _left(params: Fields, *words: str) -> Json:
    """Whom the change is to leave, if it says so."""
    return next((params[word]["away_from"] for word in words if "away_from" in params.get(word, {})), None)


def _silence(params: Fields, _: Fields) -> Back:
    return None if params.get("remove") else {"remove": True}


def _kubernetes(params: Fields, was: Fields) -> Back:
    verb = next((name for name in params if name != "server"), "")
    asked, thing = dict_of(params.get(verb)), dict_of(was.get("object"))
    place = {name: asked[name] for name in ("namespace", "name") if name in asked}
    rollout = dict_of(was.get("rollout"))
    back: dict[str, Callable[[], Fields]] = {
        "cordon": lambda: {"uncordon": asked},
        "uncordon": lambda: {"cordon": asked},
        "drain": lambda: {"uncordon": {"nodes": [asked["node"]]}},
        "scale": lambda: {"scale": {**asked, "replicas": rollout.get("desired", 1)}},
        "rollout_undo": lambda: {"rollout_undo": {**place, "to": rollout.get("revision", 1)}},
        "patch": lambda: {"patch": {**asked, "patch": _earlier(asked["patch"], thing)}},
        "delete": lambda: {"restore": {"manifest": thing or _manifest(asked)}},
    }
    return {verb: None, **back[verb]()} if verb in back else None


def _earlier(patch: Json, was: Json) -> Json:
    """The fields of a merge patch as they were; null for one that was not there."""
    if not isinstance(patch, Mapping):
        return was
    return {name: _earlier(held, dict_of(was).get(name)) for name, held in patch.items()}


def _manifest(asked: Fields) -> Fields:
    name = {word: asked[word] for word in ("namespace", "name") if word in asked}
    return {"apiVersion": asked.get("api", "v1"), "kind": asked["kind"], "metadata": name}


def _pull_request(params: Fields, was: Fields) -> Back:
    if "request" in dict_of(params.get("revert")):
        return None
    branch = params.get("branch", was.get("branch", teamwork.BRANCH))
    return {"revert": {"request": branch}, "branch": f"{branch}-back", "title": None, "body": None}


_BACKS: Mapping[str, Callable[[Fields, Fields], Back]] = {
    "dns": _dns,
    "file": remote.file_back,
    "flag": _flag,
    "haproxy": _haproxy,
    "kubernetes": _kubernetes,
    "postgres": _postgres,
    "pull_request": _pull_request,
    "redis": _redis,
    "release": remote.release_back,
    "silence": _silence,
    "systemd": remote.systemd_back,
}
