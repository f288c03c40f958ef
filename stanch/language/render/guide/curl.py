"""Requests as `curl` sends them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from stanch.language.plan import Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.markdown import block, code
from stanch.language.render.guide.pieces import joined, json_word, pieces
from stanch.language.render.guide.shell import Secret, Word
from stanch.language.render.guide.values import spelled

_URL = re.compile(r"https?://\S[^\x00-\x1f\x7f]*")
_SAFE_METHODS = ("GET", "HEAD")


def http(params: Mapping[str, Json], timeout: float) -> Iterator[str]:
    url = spelled(params.get("url", ""))
    if not _URL.fullmatch(url) and not (url.startswith("<") and url.endswith(">")):
        yield f"**Stop.** {code(url)} is no address with `http://`; do not open it."
        return
    yield block(shell.line(_curl(params, url, timeout)), "sh")
    if accept := params.get("accept"):
        wanted = (
            " or ".join(code(spelled(each)) for each in accept)
            if isinstance(accept, list)
            else spelled(accept)
        )
        yield f"Here the answer is good when its first line says {wanted}."
    if "client_certificate" in params:
        yield _certificate(params["client_certificate"])
    if isinstance(pages := params.get("pages"), Mapping):
        yield _pages(pages)
    if select := params.get("select"):
        yield f"Of the answer, look at {code(spelled(select))}."


def _certificate(given: Json) -> str:
    shown = given.get("certificate") if isinstance(given, Mapping) else None
    where = code(spelled(shown)) if isinstance(shown, str) else "that this system has given out"
    return f"It wants to know who asks: add `--cert FILE --key FILE`, with the client certificate {where}."


def _pages(pages: Mapping[str, Json]) -> str:
    if "number" in pages:
        return f"Ask again with the next {code(spelled(pages['number']))}, until a page is empty."
    if "cursor" not in pages:
        return 'Ask again at the address that the header `Link` names with `rel="next"`, until it names none.'
    cursor = code(spelled(pages["cursor"]))
    into = (
        f"as {code(spelled(pages['into']))} in the query" if "into" in pages else "which is the next address"
    )
    return f"Ask again with what stands at {cursor}, {into}, until nothing stands there."


def _curl(params: Mapping[str, Json], url: str, timeout: float) -> list[Word]:
    method = spelled(params.get("method", "GET"))
    words: list[Word] = ["curl", "-sS", "--head" if method == "HEAD" else "-i"]
    if method not in _SAFE_METHODS:
        words += ["-X", method]
    if timeout:
        words += ["-m", f"{timeout:g}"]
    query, fields = params.get("query"), list(_query(params.get("query")))
    has_body = bool({"json", "form", "body"} & set(params))
    if fields and (method not in _SAFE_METHODS or has_body):
        url += ("&" if "?" in url else "?") + "&".join(_encoded(name, value) for name, value in fields)
        fields = []
    words += _connection(params)
    words += _headers(params)
    if fields:
        words.append("-G")
        words += [each for name, value in fields for each in ("--data-urlencode", _pair(name, value))]
    elif query is not None and not isinstance(query, Mapping):
        url += f"?{spelled(query)}"
    words += _body(params)
    if re.search(r"[\[\]{}]", url):
        words.append("-g")
    return [*words, url]


def _connection(params: Mapping[str, Json]) -> Iterator[Word]:
    if params.get("follow_redirects") is True:
        yield from ("-L", "--max-redirs", "10")
    if place := params.get("connect_to"):
        host = spelled(place)
        port = "" if re.search(r":\d+$", host) else ":"
        yield from ("--connect-to", f"::{host}{port}")
    if ca_file := params.get("ca_file"):
        yield from ("--cacert", spelled(ca_file))


def _headers(params: Mapping[str, Json]) -> Iterator[Word]:
    headers = params.get("headers")
    given = dict(headers) if isinstance(headers, Mapping) else {}
    if headers is not None and not isinstance(headers, Mapping):
        yield from ("-H", spelled(headers))
    if params.get("fresh") is True:
        yield from ("-H", "Cache-Control: no-cache", "-H", "Pragma: no-cache")
    if not any(name.lower() == "content-type" for name in given):
        if "json" in params:
            given["Content-Type"] = "application/json"
        elif "body" in params:
            given["Content-Type"] = "text/plain; charset=utf-8"
    for name, value in given.items():
        # A header without a value would be one to leave out.
        yield from ("-H", f"{name};" if value == "" else joined(f"{name}: ", pieces(value)))
    yield from _credentials(params.get("auth"))


def _credentials(auth: Json) -> Iterator[Word]:
    if not isinstance(auth, Mapping):
        return
    if "bearer" in auth:
        yield from ("-H", joined("Authorization: Bearer ", pieces(auth["bearer"])))
    elif "username" in auth:
        yield from ("--user", (*pieces(auth["username"]), ":", *pieces(auth.get("password", ""))))


def _body(params: Mapping[str, Json]) -> Iterator[Word]:
    if "json" in params:
        yield from ("--data-raw", json_word(params["json"]))
    elif "body" in params:
        yield from ("--data-raw", pieces(params["body"]))
    elif isinstance(params.get("form"), Mapping):
        for name, value in _query(params["form"]):
            yield from ("--data-urlencode", _pair(name, value))
    elif "form" in params:
        yield from ("--data-raw", spelled(params["form"]))


def _query(fields: Json) -> Iterator[tuple[str, Word]]:
    """A list repeats its name."""
    if isinstance(fields, Mapping):
        for name, value in fields.items():
            for each in value if isinstance(value, list) else [value]:
                yield name, pieces(each)


def _pair(name: str, value: Word) -> Word:
    """Before the `=`, curl takes the name as it is; it would take `@` for a file's name."""
    return joined(f"{quote(name, safe='')}=", value)


def _encoded(name: str, value: Word) -> str:
    shown = "".join(
        spelled(part) if isinstance(part, Secret) or part.startswith("<") else quote_plus(part)
        for part in ((value,) if isinstance(value, str) else value)
    )
    return f"{quote_plus(name)}={shown}"


def prometheus(params: Mapping[str, Json], known: str) -> Iterator[str]:
    """A query; `known` is the address of Prometheus, if one is configured."""
    query = spelled(params.get("query", ""))
    yield "Ask Prometheus:"
    yield block(query, "promql")
    if isinstance(asked := params.get("range"), Mapping):
        first = f"from {spelled(asked.get('start', ''))} on"
        last = f"the last {spelled(asked['last'])}" if "last" in asked else first
        until = f", until {spelled(asked['end'])}" if "end" in asked else ""
        yield f"on its page under *Graph*, {last}{until}."
        return
    yield "on its page, or with:"
    server = spelled(params.get("server") or known or "<the address of Prometheus>")
    words: list[Word] = ["curl", "-sS", "-G"]
    if ca_file := params.get("ca_file"):
        words += ["--cacert", spelled(ca_file)]
    words += _headers({name: params[name] for name in ("headers", "auth") if name in params})
    words += ["--data-urlencode", f"query={query}"]
    if "time" in params:
        words += ["--data-urlencode", f"time={spelled(params['time'])}"]
    yield block(shell.line([*words, f"{server.rstrip('/')}/api/v1/query"]), "sh")
