"""What the actions on systems give, made of what a script says and of the parameters of the call.

What a script leaves out is as it is when all is well: a place is open, a name has an address, somebody leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

from stanch.drill.rehearsal.document import DEFAULT_CLOCK
from stanch.drill.scripted import clouds, remote, teamwork
from stanch.language.duration import parse_duration
from stanch.language.evaluate import show
from stanch.language.plan import Json

Fields: TypeAlias = Mapping[str, Json]

_VALUES = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "TXT": '"text"'}
"""Of a name of which nothing else is said; addresses that are nobody's."""
_TTL = 300
_NODES = ("192.0.2.1:6379", "192.0.2.2:6379")
_MEMBERS = ("pg1", "pg2")


# --- looking at what listens ------------------------------------------------------------------------------


def tcp(_: Fields, own: Fields) -> Fields:
    is_open = own.get("open", not own.get("error"))
    return {"open": is_open, "error": "" if is_open else "connection refused"}


def tls(_: Fields, own: Fields) -> Fields:
    days = own.get("days_left", 90.0)
    trusted = own.get("trusted", not own.get("error") and days > 0)
    error = "" if trusted else "its certificate is not trusted: certificate has expired"
    return {"trusted": trusted, "error": error, "days_left": days, "protocol": "TLSv1.3"}


# --- names ------------------------------------------------------------------------------------------------


def dns(params: Fields, own: Fields) -> Fields:
    changed = "resolve" not in params
    answers = list(_records(params)) if changed else list(_resolved(params))
    if isinstance(said := own.get("answers"), list):
        answers = [{**_at(answers, at), **dict_of(each)} for at, each in enumerate(said)]
    return {"answers": answers, "changed": changed}


def _resolved(params: Fields) -> Iterator[Fields]:
    kind = show(params.get("type", "A"))
    for name in listed(params.get("resolve")):
        yield _answer(show(name), kind, _TTL, [_VALUES.get(kind, "other.example.")])


def _records(params: Fields) -> Iterator[Fields]:
    """What is there since the change, as far as the call says it."""
    for each in listed(params.get("records")):
        if each["values"]:
            yield _answer(each["name"], each["type"], each["ttl"], each["values"])
    wanted, names = dict_of(params.get("set")), listed(params.get("names"))
    for at, name in enumerate(names):
        for kind, values in wanted.items():
            if kind != "ttl":
                own = listed(values)
                own = [own[at]] if kind == "cname" and len(own) == len(names) else own
                yield _answer(show(name), kind.upper(), wanted.get("ttl", _TTL), own)


def _answer(name: str, kind: str, ttl: Json, values: list[Json]) -> Fields:
    target = show(values[0]) if kind == "CNAME" and values else ""
    return {"name": name, "type": kind, "ttl": ttl, "values": values, "target": target}


# --- traffic ----------------------------------------------------------------------------------------------


def haproxy(params: Fields, own: Fields) -> Fields:
    names: list[Fields] = [
        {"name": name, **dict_of(params.get("set"))} for name in listed(params.get("servers"))
    ]
    wanted: list[Fields] = names or listed(params.get("restore"))
    found = _servers(wanted, [dict_of(each) for each in listed(own.get("servers"))])
    return {"backend": params.get("backend", ""), "servers": [_server(each) for each in found]}


def _servers(wanted: list[Fields], said: list[Fields]) -> Iterator[Fields]:
    """What is said of servers, by their names or in the order of the call; and those of which nothing is."""
    named = {show(each["name"]): each for each in wanted}
    for at, each in enumerate(said):
        own = {**_at(wanted, at), **each}
        yield {**named.pop(show(own.get("name", "")), {}), **each}
    yield from named.values()


def _server(said: Fields) -> Fields:
    state = said.get("state", "ready")
    status = {"drain": "DRAIN", "maint": "MAINT"}.get(state, "UP")
    return {"state": state, "weight": 1, "status": status, "sessions": 0, **said}


def flag(params: Fields, own: Fields) -> Fields:
    name = {"name": params.get("name", "")}
    if "evaluate" in params:
        value = own.get("value", own.get("on", False))
        return {**name, "value": value, "on": value is True}
    share = own.get("percentage", _share(params.get("set", params.get("restore"))))
    is_on = own.get("on", share is not None and share > 0)
    return {**name, "on": is_on, "percentage": (100.0 if is_on else 0.0) if share is None else share}


def _share(wanted: Json) -> Json:
    """Percent of the users; None where nobody says."""
    if isinstance(wanted, Mapping):
        return wanted.get("percentage")
    return {"on": 100.0, "off": 0.0, True: 100.0, False: 0.0}.get(wanted)


# --- databases --------------------------------------------------------------------------------------------


def sql(_: Fields, own: Fields) -> Fields:
    rows = listed(own.get("rows"))
    columns = dict.fromkeys(column for row in rows for column in dict_of(row))
    return {"columns": list(columns), "count": len(rows)}


def postgres(params: Fields, own: Fields) -> Fields:
    said = [dict_of(each) for each in listed(own.get("members"))]
    led = next((each.get("name", "") for each in said if each.get("role") == "leader"), None)
    leader = own.get("leader", led if said and led is not None else _follows(params, _MEMBERS))
    asked = dict_of(params.get("switchover") or params.get("failover"))
    others = [name for name in (asked.get("away_from"),) if name]
    found = said or [{"name": name} for name in (leader, *others) if name]
    return {"leader": leader, "members": [_member(each, leader) for each in found]}


def _member(said: Fields, leader: Json) -> Fields:
    role = "leader" if said.get("name") == leader else "replica"
    state = "running" if said.get("role", role) == "leader" else "streaming"
    return {"role": role, "state": state, "known": True, **said}


def redis(params: Fields, own: Fields) -> Fields:
    master = own.get("master", _follows(params, _NODES))
    replicas = [
        {"up": True, "linked": True, "priority": 100, **dict_of(each)} for each in listed(own.get("replicas"))
    ]
    return {
        "master": master,
        "writable": bool(master),
        "replicas": replicas,
        "sentinels": 3,
        "quorum": own.get("sentinels", 3) > 1,
    }


def _follows(params: Fields, usual: tuple[str, str]) -> Json:
    """Who leads after the change that `params` ask for, or when nothing else is said."""
    asked = dict_of(params.get("switchover") or params.get("failover"))
    if "to" in asked:
        return asked["to"]
    return usual[1] if asked.get("away_from") == usual[0] else usual[0]


# --- watching ---------------------------------------------------------------------------------------------


def logs(_: Fields, own: Fields) -> Fields:
    return {"count": len(listed(own.get("lines")))}


def silence(params: Fields, own: Fields) -> Fields:
    if params.get("remove"):
        return {"ids": [], "ends": 0.0}
    lasts = parse_duration(show(params.get("for", "0s")))
    ids = own.get("ids", ["rehearsal"])
    return {"ids": ids, "ends": datetime.fromisoformat(DEFAULT_CLOCK).timestamp() + lasts if ids else 0.0}


# --- plain data -------------------------------------------------------------------------------------------


def listed(value: Json) -> list[Json]:
    """One, or a list of them."""
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def dict_of(value: Json) -> Fields:
    return value if isinstance(value, Mapping) else {}


def _at(made: list[Fields], at: int) -> Fields:
    """Of more than what is made, nothing else is known."""
    return made[at] if at < len(made) else {}


SYSTEMS: Mapping[str, Callable[[Fields, Fields], Fields]] = {
    "aws": clouds.aws,
    "dns": dns,
    "file": remote.file,
    "flag": flag,
    "haproxy": haproxy,
    "kubernetes": clouds.kubernetes,
    "logs": logs,
    "notify": teamwork.notify,
    "page": teamwork.page,
    "pipeline": teamwork.pipeline,
    "postgres": postgres,
    "pull_request": teamwork.pull_request,
    "redis": redis,
    "release": remote.release,
    "silence": silence,
    "sql": sql,
    "systemd": remote.systemd,
    "tcp": tcp,
    "ticket": teamwork.ticket,
    "tls": tls,
}
COMPLETED = ("answers", "members", "replicas", "rollout", "servers")
"""Lists and objects in which what is written of each item is completed."""
