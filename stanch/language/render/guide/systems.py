"""A call of an action on a system as what a person types who has that system's own program.

Where the systems are stands in the configuration of Stanch's worker and in no runbook, so an address is a
word in `<>` that the reader fills in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from stanch.language.plan import Json
from stanch.language.render.guide import hosts, shell, teamwork
from stanch.language.render.guide.clouds import aws, kubernetes
from stanch.language.render.guide.databases import postgres, redis, sql
from stanch.language.render.guide.files import file
from stanch.language.render.guide.markdown import block, code
from stanch.language.render.guide.names import dns
from stanch.language.render.guide.shell import Word
from stanch.language.render.guide.values import Late, spelled
from stanch.language.render.orders import order_text

Params: TypeAlias = Mapping[str, Json]

_NO_NAME = re.compile(r"^-|[\x00-\x1f\x7f;]")
"""What no program should be given for a name: it would be an option, or another command."""
_OPPOSITES = {"started": "stopped", "stopped": "started", "enabled": "disabled", "disabled": "enabled"}
_TEXTS = frozenset(
    {
        *("body", "comment", "content", "fields", "limit", "message", "output", "params", "patch", "query"),
        *("restore", "text", "title", "txt", "values", "with"),
    }
)
"""Parameters that are no names."""


def system(action: str, params: Params) -> Iterator[str] | None:
    """Paragraphs; None for an action that is not on a system."""
    typed = _TYPED.get(action)
    if typed is None:
        return None
    if (strange := next(_strange(params), None)) is not None:
        return iter([f"**Stop.** {code(strange)} is no name; find out where it comes from."])
    return typed(params)


def looked_at(action: str, params: Params) -> Params | None:
    """The parameters of the call that shows what a change will find; None where nothing does."""
    match action:
        case "dns" if "names" in params:
            return {"resolve": params["names"], **_only(params, "provider", "zone")}
        case "flag":
            return _only(params, "server", "name")
        case "haproxy":
            return _only(params, "server", "backend")
        case "file" | "release":
            return _only(params, "hosts", "path", "as", "sudo")
        case "systemd":
            return _only(params, "hosts", "unit", "as", "sudo")
        case "postgres" | "redis":
            return _only(params, "server")
        case "kubernetes":
            return _thing(params)
    return None


def known_back(action: str, params: Params) -> Params | None:
    """The parameters of the call that goes back, where that does not need what was there before."""
    if action == "silence" and params.get("remove") is not True:
        return {**params, "remove": True}
    if action == "systemd" and params.get("set") in _OPPOSITES:
        return {**params, "set": _OPPOSITES[params["set"]]}
    if action == "pull_request":
        branch = params.get("branch", "<the branch of the request>")
        return {**_only(params, "repository", "base"), "revert": {"request": branch}}
    if action != "kubernetes":
        return None
    for verb, back in (("cordon", "uncordon"), ("uncordon", "cordon")):
        if verb in params:
            return {**_only(params, "server"), back: params[verb]}
    node = params["drain"].get("node", "") if isinstance(params.get("drain"), Mapping) else None
    return None if node is None else {**_only(params, "server"), "uncordon": {"nodes": [node]}}


def _only(params: Params, *names: str) -> Params:
    return {name: params[name] for name in names if name in params}


def _thing(params: Params) -> Params | None:
    verb = next((name for name in params if name != "server"), "")
    asked = params.get(verb)
    if not isinstance(asked, Mapping) or "name" not in asked:
        return None
    return {
        **_only(params, "server"),
        "get": {"kind": "Deployment", **_only(asked, "kind", "namespace", "name")},
    }


def _strange(value: Json, name: str = "") -> Iterator[str]:
    """Values that are no names where a name has to be."""
    if name in _TEXTS or isinstance(value, Late):
        return
    if isinstance(value, Mapping):
        for inner, held in value.items():
            yield from _strange(held, inner)
    elif isinstance(value, list):
        for held in value:
            yield from _strange(held, name)
    elif isinstance(value, str) and _NO_NAME.search(value):
        yield value


def _each(value: Json) -> list[str]:
    return [spelled(each) for each in value] if isinstance(value, list) else [spelled(value)]


# --- what listens -----------------------------------------------------------------------------------------


def _tcp(params: Params) -> Iterator[str]:
    for place in _each(params.get("to", "")):
        host, _, port = place.rpartition(":")
        yield block(
            shell.whole(["nc", "-vz", "-w", "5", host.strip("[]"), port] if host else ["nc", "-vz", place]),
            "sh",
        )


def _tls(params: Params) -> Iterator[str]:
    for place in _each(params.get("to", "")):
        name = (
            spelled(params["server_name"])
            if "server_name" in params
            else place.rpartition(":")[0].strip("[]")
        )
        words: list[Word] = ["openssl", "s_client", "-connect", place]
        words += ["-servername", name, "-verify_hostname", name] if name else []
        words += ["-CAfile", spelled(params["ca_file"])] if "ca_file" in params else []
        yield block(f"{shell.whole([*words, '-brief'])} </dev/null", "sh")
        read = shell.whole(words)
        yield block(f"{read} </dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates", "sh")
    yield "A client trusts it when the first one says `Verification: OK`; the second says how long it lasts."


# --- traffic ----------------------------------------------------------------------------------------------


def _haproxy(params: Params) -> Iterator[str]:
    backend = spelled(params.get("backend", ""))
    place = _place(params, "the socket of HAProxy")
    for order in _orders(params, backend) or [f"show servers state {backend}"]:
        yield block(f"echo {shell.word(order)} | {shell.whole(['socat', 'stdio', place])}", "sh")
    if "set" in params or "restore" in params:
        least = spelled(params.get("at_least", 1))
        yield f"At least {least} of the servers must be left that are ready and not down."


def _orders(params: Params, backend: str) -> list[str]:
    restored = params.get("restore")
    wanted = [each for each in restored if isinstance(each, Mapping)] if isinstance(restored, list) else []
    given = params.get("set")
    if isinstance(given, Mapping):
        wanted = [{"name": name, **given} for name in _each(params.get("servers", ""))]
    return [
        f"set server {backend}/{spelled(each['name'])} {word} {spelled(each[word])}"
        for each in wanted
        for word in ("weight", "state")
        if word in each
    ]


def _flag(params: Params) -> Iterator[str]:
    where = f" (the system {code(spelled(params['server']))})" if "server" in params else ""
    yield f"Where the flags are kept{where}, by hand:"
    yield block(order_text("flag", params, spelled) or "", "text")


# --- watching ---------------------------------------------------------------------------------------------


def _silence(params: Params) -> Iterator[str]:
    matchers = _matchers(params.get("matchers"))
    url = f"--alertmanager.url={_place(params, 'the address of Alertmanager')}"
    if params.get("remove") is True:
        found = shell.line(["amtool", "silence", "query", "-q", url, *matchers])
        yield block(f"{shell.whole(['amtool', 'silence', 'expire', url])} $({found})", "sh")
        return
    comment = spelled(params.get("comment", "a runbook of Stanch"))
    told = [f"--duration={spelled(params.get('for', ''))}", f"--comment={comment}"]
    yield block(shell.line(["amtool", "silence", "add", url, *told, *matchers]), "sh")


def _matchers(given: Json) -> list[str]:
    if not isinstance(given, Mapping):
        return _each(given)
    return [
        f"{name}=~{'|'.join(re.escape(spelled(each)) for each in held)}"
        if isinstance(held, list)
        else f"{name}={spelled(held)}"
        for name, held in given.items()
    ]


def _logs(params: Params) -> Iterator[str]:
    place = f"--addr={_place(params, 'the address of Loki')}"
    since, limit = spelled(params.get("since", "15m")), spelled(params.get("limit", 100))
    words = [
        "logcli",
        place,
        "query",
        f"--since={since}",
        f"--limit={limit}",
        spelled(params.get("query", "")),
    ]
    yield block(shell.line(words), "sh")


def _place(params: Params, what: str) -> str:
    return f"<{what} {spelled(params['server'])}>" if "server" in params else f"<{what}>"


_TYPED: Mapping[str, Callable[[Params], Iterator[str]]] = {
    "aws": aws,
    "dns": dns,
    "file": file,
    "flag": _flag,
    "haproxy": _haproxy,
    "kubernetes": kubernetes,
    "logs": _logs,
    "notify": teamwork.notify,
    "page": teamwork.page,
    "pipeline": teamwork.pipeline,
    "postgres": postgres,
    "pull_request": teamwork.pull_request,
    "redis": redis,
    "release": hosts.release,
    "silence": _silence,
    "sql": sql,
    "systemd": hosts.systemd,
    "tcp": _tcp,
    "ticket": teamwork.ticket,
    "tls": _tls,
}
