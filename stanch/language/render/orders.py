"""A call of an action on a system as one short line: `haproxy web/web1, web/web2: drain`.

What is still a template, or otherwise not of the form that an action wants, is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from stanch.language.plan import Json
from stanch.language.render import clouds, hosts, teamwork
from stanch.language.render.cluster import kubernetes

Word: TypeAlias = Callable[[Json], str]
"""How a value is written; secrets are never a part of it."""
Params: TypeAlias = Mapping[str, Json]


_LONGEST = 2000
"""Characters of a file's content that whoever approves it reads."""


def order_text(action: str, params: Params, word: Word) -> str | None:
    """What the call does, in words; None for an action that has no words here."""
    form = _FORMS.get(action)
    return None if form is None else form(params, word)


# --- names ------------------------------------------------------------------------------------------------


def _dns(params: Params, word: Word) -> str:
    zone = f" ({word(params['zone'])})" if "zone" in params else ""
    if "resolve" in params:
        fresh = ", past all caches" if params.get("fresh") is True else ""
        by = f" by {word(params['provider'])}" if "provider" in params else ""
        return f"dns: {params.get('type', 'A')} of {_names(params['resolve'], word)}{by}{fresh}"
    if "records" in params:
        return f"dns: bring back {'; '.join(_records(params['records'], word))}{zone}"
    wanted = ", ".join(f"{kind} {_names(values, word)}" for kind, values in _entries(params.get("set")))
    return f"dns: set {wanted} on {_names(params.get('names'), word)}{zone}"


def _records(records: Json, word: Word) -> Iterator[str]:
    """By name: `www A 192.0.2.1 ttl 300, no CNAME`."""
    if not isinstance(records, list):
        yield word(records)
        return
    by_name: dict[str, list[Params]] = {}
    for each in records:
        by_name.setdefault(word(each["name"]), []).append(each)
    for name, found in by_name.items():
        there = [
            f"{each['type']} {_names(each['values'], word)} ttl {word(each['ttl'])}"
            for each in found
            if each["values"]
        ]
        gone = " ".join(word(each["type"]) for each in found if not each["values"])
        yield f"{name} {', '.join([*there, *([f'no {gone}'] if gone else [])])}"


# --- files ------------------------------------------------------------------------------------------------


def _file(params: Params, word: Word) -> str:
    who = as_whom(params, word)
    name = f"{who}file {word(params.get('path', ''))}"
    mode = f", mode {word(params['mode'])}" if "mode" in params else ""
    if params.get("absent") is True:
        return f"{name}: remove it"
    if "restore" in params:
        states = params["restore"]
        where = ", ".join(map(word, states)) if isinstance(states, Mapping) else word(states)
        return f"{name}: as it was on {where}"
    if "content" in params:
        text = word(params["content"])
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
        return f"{name}{mode}: {shown}"
    return f"{name}: read it"


def as_whom(params: Params, word: Word) -> str:
    """Who logs in, and who runs it then: `as deploy: sudo -u postgres `."""
    login = f"as {word(params['as'])}: " if "as" in params else ""
    sudo = params.get("sudo")
    if not sudo:
        return login
    user = sudo.get("user", "root") if isinstance(sudo, Mapping) else "root"
    return f"{login}sudo {'' if user == 'root' else f'-u {word(user)} '}"


# --- traffic ----------------------------------------------------------------------------------------------


def _flag(params: Params, word: Word) -> str:
    name = f"flag {word(params.get('name', ''))}"
    if "set" in params:
        return f"{name}: {_share(params['set'], word)}"
    if "restore" in params:
        return f"{name}: as it was, {word(params['restore'])}"
    return f"{name} for {word(params['evaluate'])}" if "evaluate" in params else name


def _share(wanted: Json, word: Word) -> str:
    match wanted:
        case bool():
            return "on" if wanted else "off"
        case {"percentage": share}:
            return f"{word(share)}% of the users"
    return word(wanted)


def _haproxy(params: Params, word: Word) -> str:
    backend = word(params.get("backend", ""))
    by_order: dict[str, list[str]] = {}
    if isinstance(restored := params.get("restore"), list):
        for each in restored:
            order = f"{word(each['state'])}, weight {word(each['weight'])}"
            by_order.setdefault(order, []).append(word(each["name"]))
    elif "servers" in params:
        wanted = _entries(params.get("set"))
        order = ", ".join(word(held) if name == "state" else f"{name} {word(held)}" for name, held in wanted)
        by_order[order] = [word(each) for each in _listed(params["servers"])]
    told = [
        f"{', '.join(f'{backend}/{name}' for name in names)}: {order}" for order, names in by_order.items()
    ]
    least = f" (at least {word(params['at_least'])} left)" if "at_least" in params else ""
    return f"haproxy {'; '.join(told) or backend}{least}"


# --- databases --------------------------------------------------------------------------------------------


def _postgres(params: Params, word: Word) -> str:
    if "failover" in params:
        to = _moved(params["failover"], word)
        return f"postgres{_at(params, word)}: fail over {to}; what it has not received is lost"
    if "switchover" in params:
        return f"postgres{_at(params, word)}: switch over {_moved(params['switchover'], word)}"
    return f"postgres{_at(params, word)}"


def _redis(params: Params, word: Word) -> str:
    moved = f": fail over {_moved(params['failover'], word)}" if "failover" in params else ""
    return f"redis{_at(params, word)}{moved}"


def _moved(asked: Json, word: Word) -> str:
    match asked:
        case {"to": place}:
            return f"to {word(place)}"
        case {"away_from": place}:
            return f"away from {word(place)}"
    return word(asked)


# --- watching ---------------------------------------------------------------------------------------------


def _silence(params: Params, word: Word) -> str:
    alerts = f"silence{_at(params, word)} {_matchers(params.get('matchers'), word)}"
    if params.get("remove") is True:
        return f"{alerts}: end it"
    return f"{alerts} for {word(params.get('for', ''))}"


def _matchers(matchers: Json, word: Word) -> str:
    if isinstance(matchers, Mapping):
        return ", ".join(f"{name}={'|'.join(map(word, _listed(held)))}" for name, held in matchers.items())
    return _names(matchers, word)


def _logs(params: Params, word: Word) -> str:
    since = f", the last {word(params['since'])}" if "since" in params else ""
    return f"logs{_at(params, word)}: {word(params.get('query', ''))}{since}"


def _tcp(params: Params, word: Word) -> str:
    return f"tcp {_names(params.get('to'), word)}"


def _tls(params: Params, word: Word) -> str:
    name = f" as {word(params['server_name'])}" if "server_name" in params else ""
    return f"tls {_names(params.get('to'), word)}{name}"


# --- parts of them ----------------------------------------------------------------------------------------


def _at(params: Params, word: Word) -> str:
    """The system, where the call names one."""
    return f" {word(params['server'])}" if "server" in params else ""


def _listed(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _names(value: Json, word: Word) -> str:
    return ", ".join(word(each) for each in _listed(value))


def _entries(value: Json) -> Iterator[tuple[str, Json]]:
    """Of a mapping that is a template still, the template."""
    if isinstance(value, Mapping):
        yield from value.items()
    else:
        yield "to", value


_FORMS: Mapping[str, Callable[[Params, Word], str]] = {
    "aws": clouds.aws,
    "dns": _dns,
    "file": _file,
    "flag": _flag,
    "haproxy": _haproxy,
    "kubernetes": kubernetes,
    "logs": _logs,
    "notify": teamwork.notify,
    "page": teamwork.page,
    "pipeline": teamwork.pipeline,
    "postgres": _postgres,
    "pull_request": teamwork.pull_request,
    "redis": _redis,
    "release": hosts.release,
    "silence": _silence,
    "systemd": hosts.systemd,
    "tcp": _tcp,
    "ticket": teamwork.ticket,
    "tls": _tls,
}
