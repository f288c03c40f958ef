"""Lists that come page by page, parts of answers, and servers that want to know who asks."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from activities.http import Http
from activities.web.pages import linked
from activities.web.pointer import Nowhere, pointed
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json
from tests.activities.served import Got, Scripted, certificate_for
from tests.activities.test_http import http, perform

__all__ = ["http"]


def numbers(got: Got, word: str, otherwise: int = 0) -> int:
    fields = dict(field.split("=") for field in got.query.split("&") if field)
    return int(fields.get(word, otherwise))


def by_link(last: int) -> Callable[[Got], Response]:
    """Pages 0 to `last` of two items each; the next is named by a link whose URL has all fields."""

    def reply(got: Got) -> Response:
        page = numbers(got, "page")
        links = [f'<http://{got.headers["host"]}/items?page=0>; rel="first"']
        links += [f'</items?page={page + 1}&tag=a>; title="x, y"; rel="last next"'] if page < last else []
        return JSONResponse([2 * page, 2 * page + 1], headers={"link": ", ".join(links)})

    return reply


# --- pages ------------------------------------------------------------------------------------------------


async def test_links_are_followed_to_the_last_page(http: Http, site: Scripted) -> None:
    site.reply = by_link(2)
    result = await perform(http, url=f"{site.url}/items", query={"tag": "a"}, pages={}, auth={"bearer": "t"})
    assert result["json"] == [0, 1, 2, 3, 4, 5]
    assert (result["pages"], result["count"], result["truncated"], result["body"]) == (3, 6, False, "")
    assert [got.query for got in site.got] == ["tag=a", "page=1&tag=a", "page=2&tag=a"]
    assert {got.headers["authorization"] for got in site.got} == {"Bearer t"}


async def test_a_cursor_goes_into_the_query_until_there_is_none(http: Http, site: Scripted) -> None:
    def reply(got: Got) -> Response:
        at = numbers(got, "after")
        return JSONResponse({"data": {"nodes": [at]}, "meta": {"next": at + 1 if at < 3 else None}})

    site.reply = reply
    pages = {"cursor": "/meta/next", "into": "after"}
    result = await perform(http, url=site.url, query={"first": 1}, select="/data/nodes", pages=pages)
    assert (result["json"], result["pages"]) == ([0, 1, 2, 3], 4)
    assert [got.query for got in site.got] == ["first=1", *(f"first=1&after={at}" for at in (1, 2, 3))]


async def test_a_cursor_may_be_the_url_of_the_next_page(http: Http, site: Scripted) -> None:
    def reply(got: Got) -> Response:
        more = "" if got.query else f"http://{got.headers['host']}/x?at=1"
        return JSONResponse({"items": [got.query], "next": more})

    site.reply = reply
    result = await perform(http, url=f"{site.url}/x", select="/items", pages={"cursor": "/next"})
    assert (result["json"], result["pages"]) == (["", "at=1"], 2)


async def test_numbers_count_up_to_an_empty_page(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse([numbers(got, "p")] if numbers(got, "p") < 2 else [])
    result = await perform(http, url=site.url, pages={"number": "p", "from": 0})
    assert (result["json"], result["pages"], result["truncated"]) == ([0, 1], 3, False)


async def test_what_is_behind_the_most_pages_is_said_to_be_missing(http: Http, site: Scripted) -> None:
    site.reply = by_link(1000)
    result = await perform(http, url=f"{site.url}/items", pages={"most": 3})
    assert (result["count"], result["pages"], result["truncated"]) == (6, 3, True)
    assert len(site.got) == 3
    assert (await perform(http, url=f"{site.url}/items", pages={}))["pages"] == 10


async def test_pages_end_before_a_mebibyte_with_whole_items(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse(["x" * 400_000])
    result = await perform(http, url=site.url, pages={"number": "p"})
    assert (result["count"], result["pages"], result["truncated"]) == (2, 2, True)
    assert {len(item) for item in result["json"]} == {400_000}


async def test_a_page_that_is_refused_is_the_answer(http: Http, site: Scripted) -> None:
    site.reply = lambda got: by_link(9)(got) if numbers(got, "page") < 1 else Response("slow down", 429)
    result = await perform(http, url=f"{site.url}/items", pages={})
    assert (result["status"], result["accepted"]) == (429, False)
    assert "slow down" in (http.failure(result) or "")
    assert http.later(result) == 0.0


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("<http://127.0.0.1:1/items>", "another server"),
        ("<https://evil.example.org/>", "another server"),
        ("<//u:p@{host}/items>", "another server"),
        ("</items>", "read before"),
    ],
)
async def test_a_next_page_leads_neither_away_nor_in_a_circle(
    http: Http, site: Scripted, link: str, says: str
) -> None:
    def reply(got: Got) -> Response:
        there = link.format(host=got.headers["host"])
        return JSONResponse([1], headers={"link": f"{there}; rel=next"})

    site.reply = reply
    with pytest.raises(ActionRefused, match=says):
        await perform(http, url=f"{site.url}/items", pages={}, auth={"bearer": "t0ken"})
    assert len(site.got) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": 1}', "say by `select` where its list is"),
        (b"<html>", "page 1 is no JSON"),
        (b"[" + b"1," * 600_000 + b"1]", "page 1 is larger than 1 MiB"),
    ],
)
async def test_a_page_that_is_no_list_is_refused_with_advice(
    http: Http, site: Scripted, body: bytes, says: str
) -> None:
    site.reply = lambda got: Response(body, media_type="application/json")
    with pytest.raises(ActionRefused, match=says):
        await perform(http, url=site.url, pages={})


async def test_an_odd_cursor_ends_the_list(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse({"items": [1], "next": {"not": "a cursor"}})
    result = await perform(http, url=site.url, select="/items", pages={"cursor": "/next", "into": "c"})
    assert (result["pages"], result["truncated"]) == (1, False)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('<u>; rel="next"', "u"),
        ("<u>;REL=Next", "u"),
        ('<a>; rel="prev", <b?x=1,2>; title="p, \\"q\\""; rel="last next"', "b?x=1,2"),
        ("<u>; rel=prev; rel=next", None),
        ('<u>; rel="nextish"', None),
        ("<u>", None),
        ("u; rel=next", None),
        ("", None),
    ],
)
def test_links_are_read_as_rfc_8288_writes_them(header: str, found: str | None) -> None:
    assert linked(header) == found


# --- a part of an answer ----------------------------------------------------------------------------------


async def test_only_what_is_selected_is_kept(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse({"noise": "x" * 2_000_000, "a/b": [{"wanted": 7}]})
    result = await perform(http, url=site.url, select="/a~1b/0")
    assert (result["json"], result["body"], result["truncated"]) == ({"wanted": 7}, "", False)
    assert len(json.dumps(result)) < 2000


async def test_what_is_not_there_is_refused_with_the_word(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse({"a": {}})
    with pytest.raises(ActionRefused, match="the answer has no `/a/b`: there is no `b`"):
        await perform(http, url=site.url, select="/a/b")
    site.reply = lambda got: Response("no")
    with pytest.raises(ActionRefused, match="the answer is no JSON"):
        await perform(http, url=site.url, select="/a")


async def test_an_error_keeps_its_words(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse({"error": "nobody knows you"}, 401)
    result = await perform(http, url=site.url, select="/a")
    assert "nobody knows you" in (http.failure(result) or "")


DOCUMENT: Json = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
"""The document of RFC 6901, section 5."""


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_pointers_are_those_of_rfc_6901(pointer: str, value: Json) -> None:
    assert pointed(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/foo/2", "/foo/-", "/foo/01", "/foo/bar", "/nothing", "/a~1b/x"])
def test_a_pointer_to_nothing_says_so(pointer: str) -> None:
    with pytest.raises(Nowhere, match="there is no"):
        pointed(DOCUMENT, pointer)


# --- who asks, and who answers ----------------------------------------------------------------------------


@asynccontextmanager
async def wary(folder: Path) -> AsyncIterator[tuple[str, dict[str, Any], list[bytes]]]:
    """A server that lets in only who shows its own certificate; URL, parameters that fit, requests."""
    certificate, key = certificate_for(folder, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    got: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            got.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    shown = {"certificate": str(certificate), "key": key.read_text()}
    try:
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        yield url, {"ca_file": str(certificate), "client_certificate": shown}, got
    finally:
        server.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_client_certificate_opens_the_door(http: Http, tmp_path: Path, method: str) -> None:
    async with wary(tmp_path) as (url, params, got):
        result = await perform(http, method=method, url=url, key="k", **params)
        as_text = params["client_certificate"] | {"certificate": Path(params["ca_file"]).read_text()}
        await perform(http, method=method, url=url, key="k", **params | {"client_certificate": as_text})
    assert (result["status"], result["body"], len(got)) == (200, "ok", 2)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_certificate_nothing_was_executed(http: Http, tmp_path: Path, method: str) -> None:
    async with wary(tmp_path) as (url, params, got):
        # On a busy machine the connection may be gone before the reason is read; then it is in doubt.
        with pytest.raises((Unreachable, OutcomeUnknown)) as caught:
            await perform(http, method=method, url=url, key="k", ca_file=params["ca_file"])
    assert got == []
    if "certificate" in str(caught.value):
        assert isinstance(caught.value, Unreachable)
        assert "it does not accept a client without a certificate" in str(caught.value)


@pytest.mark.parametrize("wrong", ["certificate", "key"])
async def test_a_certificate_that_is_none_is_the_authors_error(
    http: Http, tmp_path: Path, wrong: str
) -> None:
    async with wary(tmp_path) as (url, params, _):
        shown = params["client_certificate"]
        params["client_certificate"] = shown | {wrong: "-----BEGIN NOTHING-----t0ps3cret"}
        with pytest.raises(InvalidInput, match="no certificate with its key") as caught:
            await perform(http, url=url, **params)
        params["client_certificate"] = shown | {"certificate": "/nowhere/client.pem"}
        with pytest.raises(InvalidInput, match=r"`/nowhere/client\.pem` .* cannot be read: no such file"):
            await perform(http, url=url, **params)
    assert "t0ps3cret" not in str(caught.value)


async def test_a_probe_tells_who_answered_and_how_fast(http: Http, tmp_path: Path) -> None:
    async with wary(tmp_path) as (url, params, _):
        result = await perform(http, url=url, **params)
    assert result["address"] == f"127.0.0.1:{url.rpartition(':')[2].rstrip('/')}"
    assert 0.5 < result["tls"]["days_left"] <= 1
    assert result["tls"]["protocol"].startswith("TLSv1.")
    assert 0 < result["first_byte"] <= result["seconds"]


async def test_a_plain_answer_has_no_tls(http: Http, site: Scripted) -> None:
    result = await perform(http, url=site.url)
    assert ("tls" in result, result["address"]) == (False, site.url.removeprefix("http://"))
