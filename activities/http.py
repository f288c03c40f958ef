"""The action `http`: one request, and its answer as data."""

from __future__ import annotations

import asyncio
import base64
import codecs
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from activities.action import Context
from activities.attempt.repeating import LONGEST_DELAY
from activities.web.data import parsed
from activities.web.exchange import Answer, Ask, Web, shown, status_text
from activities.web.pages import USUAL, first_page, next_page, read_page
from activities.web.pointer import Nowhere, pointed
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown
from stanch.language.plan import Json
from stanch.secrets import redact

_LONGEST_KEY = 255
BODY_LIMIT = 64 * 1024
JSON_LIMIT = 1024 * 1024
SELECT_LIMIT = 8 * 1024 * 1024
"""Of an answer of which only a part is kept."""
_SAFE = ("GET", "HEAD", "OPTIONS")
_LATER = (429, 500, 502, 503, 504)
_OF_A_GATEWAY = (502, 504)
"""What a proxy says that got no answer: its server may have done what was asked for."""
_NOT_HERE = (301, 307, 308)
"""What was asked for has to be asked for at another address (RFC 9110, 15.4), so it was not done."""


class Http:
    """`http` as an action. Close it when the worker ends."""

    name = "http"

    def __init__(self) -> None:
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        method: str = params.get("method", "GET")
        kind, content = _content(params)
        headers, hidden = credentials(params)
        headers |= {"content-type": kind} if kind and "content-type" not in headers else {}
        if method not in _SAFE and context.key:
            headers.setdefault("idempotency-key", _header_key(context.key))
        ask = Ask(
            method=method,
            url=params["url"],
            safe=method in _SAFE,
            timeout=context.timeout,
            limit=SELECT_LIMIT if "select" in params else JSON_LIMIT,
            headers=headers,
            query=_fields(params.get("query", {})),
            form=_fields(params["form"]) if "form" in params else None,
            content=content,
            follow=params.get("follow_redirects", False),
            ca_file=params.get("ca_file", ""),
            certificate=params.get("client_certificate"),
            connect_to=params.get("connect_to"),
            fresh=params.get("fresh", False),
        )
        try:
            if "pages" in params:
                return redact(await self._pages(ask, params, context), hidden)
            context.beat(str(ask))
            answer = await self._web.exchange(ask)
        except asyncio.CancelledError:
            context.ended((TargetEnd(urlsplit(ask.url).netloc, "unknown", f"{ask} was sent"),))
            raise
        result: Json = redact(_selected(_result(method, answer, params.get("accept")), ask, params), hidden)
        if result["truncated"] and "json" not in result:
            context.whole("body", redact(_text(answer), hidden), cut=answer.truncated)
        if context.key and method not in _SAFE and answer.status in _OF_A_GATEWAY and not result["accepted"]:
            raise OutcomeUnknown(f"{self.failure(result)}; nobody knows whether it was executed behind that")
        return result

    async def _pages(self, ask: Ask, params: Mapping[str, Json], context: Context) -> dict[str, Json]:
        """All pages as one list: the result of the last one, with the items of all as `json`."""
        pages, pointer = params["pages"], params.get("select", "")
        began, most = time.monotonic(), pages.get("most", USUAL)
        following: Ask | None = first_page(ask, pages)
        items: list[Json] = []
        read, room, seen = 0, JSON_LIMIT, set[str]()
        result: dict[str, Json] = {}
        while following is not None and len(seen) < most:
            if (address := f"{following.url} {sorted(following.query.items())}") in seen:
                raise ActionRefused(f"{following}: the next page is one that was read before")
            seen.add(address)
            context.beat(f"{following}, page {len(seen)}")
            left = max(context.timeout - (time.monotonic() - began), 0.001)
            answer = await self._web.exchange(replace(following, timeout=left, limit=room))
            result = _result(ask.method, answer, params.get("accept"))
            if not result["accepted"]:
                return result
            if answer.truncated and read:
                break
            if "json" not in result:
                reason = "larger than 1 MiB" if answer.truncated else "no JSON"
                raise ActionRefused(f"{following}: page {len(seen)} is {reason}")
            page = read_page(following, result["json"], pointer)
            items += page.items
            read += 1
            room -= len(answer.body)
            following = next_page(following, answer, page, pages)
        return result | {
            "json": items,
            "body": "",
            "truncated": following is not None,
            "seconds": round(time.monotonic() - began, 3),
            "pages": read,
            "count": len(items),
        }

    def later(self, result: Json) -> float | None:
        """What 429 and most 5xx mean (RFC 9110, 15.6; RFC 6585, 4), and how long `Retry-After` asks for."""
        if result["accepted"] or result["status"] not in _LATER:
            return None
        seconds = result["headers"].get("retry-after", "")
        return min(float(seconds), LONGEST_DELAY) if re.fullmatch(r"\d{1,9}", seconds) else 0.0

    def failure(self, result: Json) -> str | None:
        if result["accepted"]:
            return None
        said = next((line.strip() for line in result["body"].splitlines() if line.strip()), "")
        place = f" at {result['connected_to']}" if "connected_to" in result else ""
        answered = (
            f"{result['method']} {shown(result['url'])}{place} answered {status_text(result['status'])}"
        )
        if result["status"] in _NOT_HERE and (moved := result["headers"].get("location")):
            return f"{answered}, to {shown(moved)}; use that address, or `follow_redirects`"
        return f"{answered}: {said[:200]}" if said else answered


def _header_key(key: str) -> str:
    """`key` as a header that every server takes: one that is longer or has other letters is its digest."""
    plain = key.isascii() and key.isprintable() and len(key) <= _LONGEST_KEY
    return key if plain else hashlib.sha256(key.encode()).hexdigest()


def credentials(params: Mapping[str, Json]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The headers of `params` with those that `auth` means, in lower case, and what of them to hide beside
    the secrets themselves. Raises InvalidInput."""
    headers: dict[str, str] = {name.lower(): text(value) for name, value in params.get("headers", {}).items()}
    auth = params.get("auth")
    if auth is None:
        return headers, ()
    if "authorization" in headers or ("bearer" in auth) == ("username" in auth):
        raise InvalidInput(
            "give one of `auth: {username, password}`, `auth: {bearer}` and a header `authorization`"
        )
    if "bearer" in auth:
        return headers | {"authorization": f"Bearer {auth['bearer']}"}, ()
    token = base64.b64encode(f"{auth['username']}:{auth['password']}".encode()).decode()
    return headers | {"authorization": f"Basic {token}"}, (token,)


def text(value: Json) -> str:
    """A scalar as it stands in a query, a form or a header."""
    return value if isinstance(value, str) else json.dumps(value)


def _fields(values: Mapping[str, Json]) -> dict[str, str | list[str]]:
    return {
        name: [text(one) for one in value] if isinstance(value, list) else text(value)
        for name, value in values.items()
    }


def _content(params: Mapping[str, Json]) -> tuple[str, bytes | None]:
    """Content type and bytes of `json` or `body`; a form is left to the HTTP library."""
    if "json" in params:
        return "application/json", json.dumps(params["json"], ensure_ascii=False).encode()
    if "body" in params:
        return "text/plain; charset=utf-8", str(params["body"]).encode()
    return "", None


def _result(method: str, answer: Answer, accept: list[int] | None) -> dict[str, Json]:
    body, cut = _readable(answer)
    result: dict[str, Json] = {
        "method": method,
        "url": answer.url,
        "status": answer.status,
        "accepted": answer.status in accept if accept else _is_success(answer.status),
        "headers": dict(answer.headers),
        "body": body,
        "truncated": answer.truncated or cut,
        "seconds": answer.seconds,
        "first_byte": answer.first_byte,
        **answer.peer,
    }
    if answer.place:
        result["connected_to"] = answer.place
    if not answer.truncated and _is_json(answer.media_type):
        result |= _parsed(answer.body)
    return result


def _selected(result: dict[str, Json], ask: Ask, params: Mapping[str, Json]) -> dict[str, Json]:
    """`result` with only the part of its JSON that `select` names, and so without the body; what is not
    accepted stays as it is, for its words. Raises ActionRefused where that part is not there."""
    if "select" not in params or not result["accepted"]:
        return result
    pointer = params["select"]
    if "json" not in result:
        reason = f"more than {SELECT_LIMIT >> 20} MiB" if result["truncated"] else "no JSON"
        raise ActionRefused(f"{ask}: the answer is {reason}, so there is no `{pointer}` in it")
    try:
        return result | {"json": pointed(result["json"], pointer), "body": "", "truncated": False}
    except Nowhere as error:
        raise ActionRefused(f"{ask}: the answer has no `{pointer}`: {error}") from None


def _is_success(status: int) -> bool:
    return 200 <= status < 400 and status not in _NOT_HERE


def _readable(answer: Answer) -> tuple[str, bool]:
    """The head of the body as text, and whether something was cut off."""
    try:
        decoder = codecs.getincrementaldecoder(answer.charset)(errors="replace")
    except LookupError:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    cut = len(answer.body) > BODY_LIMIT
    # Not final when cut: half a character at the end is dropped then, not replaced.
    return decoder.decode(answer.body[:BODY_LIMIT], final=not cut), cut


def _text(answer: Answer) -> str:
    """All of the body that was read."""
    try:
        return answer.body.decode(answer.charset, "replace")
    except LookupError:
        return answer.body.decode("utf-8", "replace")


def _is_json(media_type: str) -> bool:
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def _parsed(body: bytes) -> dict[str, Json]:
    """`{"json": value}`, or nothing for a body that is no JSON or that no history could hold."""
    try:
        return {"json": parsed(body)}
    except ValueError:
        return {}
