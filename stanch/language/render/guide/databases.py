"""Databases: `psql`, `patronictl` and `redis-cli`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stanch.language.plan import Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.markdown import block
from stanch.language.render.guide.pieces import joined, pieces
from stanch.language.render.guide.shell import Word
from stanch.language.render.guide.values import spelled

_HOLE = re.compile(r"%\((\w+)\)s")


def sql(params: Mapping[str, Json]) -> Iterator[str]:
    """`%(name)s` is psql's `:'name'`, which quotes the value."""
    query, values = spelled(params.get("query", "")), params.get("params")
    if values:
        query = _HOLE.sub(r":'\1'", query).replace("%%", "%")
    given: list[Word] = []
    for name, value in values.items() if isinstance(values, Mapping) else ():
        given += ["-v", joined(f"{name}=", pieces(value))]
    named = params.get("database", "")
    for database in named if isinstance(named, list) else [named]:
        words: list[Word] = ["psql", f"<the address of {spelled(database)}>", *given]
        yield block(shell.heredoc(shell.whole(words), f"{query.rstrip().rstrip(';')};"), "sh")


def postgres(params: Mapping[str, Json]) -> Iterator[str]:
    where = f" of {spelled(params['server'])}" if "server" in params else ""
    yield f"On a member{where}, as whoever runs Patroni:"
    yield block(shell.whole(["patronictl", *_moved(params)]), "sh")


def _moved(params: Mapping[str, Json]) -> list[str]:
    if isinstance(asked := params.get("failover"), Mapping):
        return ["failover", "--candidate", spelled(asked.get("to", ""))]
    if isinstance(asked := params.get("switchover"), Mapping):
        option, word = ("--candidate", "to") if "to" in asked else ("--leader", "away_from")
        return ["switchover", option, spelled(asked.get(word, ""))]
    return ["list"]


def redis(params: Mapping[str, Json]) -> Iterator[str]:
    where = f" of {spelled(params['server'])}" if "server" in params else ""
    sentinel = ["redis-cli", "-h", f"<a sentinel{where}>", "-p", "26379"]
    master = block(shell.whole([*sentinel, "SENTINEL", "get-master-addr-by-name", "<its name>"]), "sh")
    asked = params.get("failover")
    if not isinstance(asked, Mapping):
        yield master
        return
    if "to" in asked:
        host, _, port = spelled(asked["to"]).rpartition(":")
        node = ["redis-cli", "-h", host, "-p", port] if host else ["redis-cli", "-h", port]
        yield "Have the sentinels prefer it. Note the number that it has, and set that again at the end:"
        yield block(shell.whole([*node, "CONFIG", "GET", "replica-priority"]), "sh")
        yield block(shell.whole([*node, "CONFIG", "SET", "replica-priority", "1"]), "sh")
        yield "Wait 15s, until every sentinel knows. Then:"
    else:
        yield f"Only while this says {spelled(asked.get('away_from', ''))}:"
        yield master
    yield block(shell.whole([*sentinel, "SENTINEL", "FAILOVER", "<its name>"]), "sh")
