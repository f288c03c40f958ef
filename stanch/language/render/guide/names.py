"""Names and their records: `dig` to ask, `nsupdate` to change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from stanch.language.plan import Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.markdown import block
from stanch.language.render.guide.values import spelled


def dns(params: Mapping[str, Json]) -> Iterator[str]:
    place = f"<the address of {spelled(params['provider'])}>" if "provider" in params else ""
    if "resolve" in params:
        yield from _asked(params, place)
        return
    orders = [*_set(params), *_restored(params)]
    if not orders:
        yield "Ask for the records, then give each of them, with the values that it has, the new TTL:"
        yield from _asked({**params, "resolve": params.get("names", "")}, place)
        return
    zone = [f"zone {spelled(params['zone'])}"] if "zone" in params else []
    server = place or "<the address of the zone's own server>"
    lines = [f"server {server}", *zone, *orders, "send"]
    yield block(shell.heredoc("nsupdate -k '<the file with the key>'", "\n".join(lines)), "sh")


def _asked(params: Mapping[str, Json], place: str) -> Iterator[str]:
    names, kind = params["resolve"], spelled(params.get("type", "A"))
    for name in names if isinstance(names, list) else [names]:
        words = ["dig", *([f"@{place}"] if place else []), _asks(spelled(name), params), kind]
        yield block(
            shell.whole([*words, *(["+trace"] if params.get("fresh") is True else ["+noall", "+answer"])]),
            "sh",
        )


def _asks(name: str, params: Mapping[str, Json]) -> str:
    return _whole(name, params) if "zone" in params else name


def _set(params: Mapping[str, Json]) -> Iterator[str]:
    wanted, names = params.get("set"), params.get("names", [])
    if not isinstance(wanted, Mapping):
        return
    kinds = [kind for kind in wanted if kind != "ttl"]
    names = names if isinstance(names, list) else [names]
    ttl = spelled(wanted.get("ttl", "<its TTL so far>"))
    for at, each in enumerate(names):
        name = _whole(spelled(each), params)
        # A CNAME takes the place of all others, and they take its.
        for gone in ("A", "AAAA", "TXT", "CNAME") if "cname" in kinds else (*map(str.upper, kinds), "CNAME"):
            if kinds:
                yield f"update delete {name} {gone}"
        for kind in kinds:
            given = wanted[kind] if isinstance(wanted[kind], list) else [wanted[kind]]
            own = [given[at]] if kind == "cname" and len(given) == len(names) else given
            for value in own:
                yield f"update add {name} {ttl} {kind.upper()} {_value(kind, value)}"


def _restored(params: Mapping[str, Json]) -> Iterator[str]:
    records = params.get("records")
    for each in records if isinstance(records, list) else []:
        name, kind = _whole(spelled(each["name"]), params), spelled(each["type"])
        yield f"update delete {name} {kind}"
        for value in each["values"]:
            yield f"update add {name} {spelled(each['ttl'])} {kind} {_value(kind, value)}"


def _value(kind: str, value: Json) -> str:
    """On one line, whatever is in it: another line would be another order."""
    text = " ".join(spelled(value).split())
    return text if kind.upper() != "TXT" or text.startswith('"') else json.dumps(text, ensure_ascii=False)


def _whole(name: str, params: Mapping[str, Json]) -> str:
    """`www` of the zone `example.org` as `www.example.org.`"""
    zone = spelled(params.get("zone", "")).removesuffix(".")
    if name == "@":
        return f"{zone}."
    inside = not zone or name.removesuffix(".") == zone or name.removesuffix(".").endswith(f".{zone}")
    return f"{name.removesuffix('.')}." if inside else f"{name}.{zone}."
