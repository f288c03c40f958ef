from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.responses import JSONResponse, RedirectResponse, Response

from activities.action import Context
from activities.http import BODY_LIMIT, Http
from activities.web.detour import Detour
from activities.web.exchange import status_text
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.served import Got, Scripted, free_port, raw, scripted, secure


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    action = Http()
    yield action
    await action.close()


def context(timeout: float = 10.0, key: str = "") -> Context:
    return Context(key=key, timeout=timeout, one=False, beat=lambda note: None)


async def perform(http: Http, seconds: float = 10.0, key: str = "", **params: Any) -> dict[str, Any]:
    result: dict[str, Any] = await http.perform(params, context(seconds, key))
    Draft202012Validator(load_catalogue().actions["http"].result).validate(result)
    return result


# --- what is sent -----------------------------------------------------------------------------------------


async def test_an_answer_becomes_data(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse({"a": [1]}, 201, {"X-Seen": "yes", "Set-Cookie": "session=1"})
    result = await perform(http, url=f"{site.url}/x")
    assert result["status"] == 201
    assert result["method"] == "GET"
    assert result["url"] == f"{site.url}/x"
    assert result["json"] == {"a": [1]}
    assert result["body"] == '{"a":[1]}'
    assert result["headers"]["x-seen"] == "yes"
    assert "set-cookie" not in result["headers"]
    assert result["truncated"] is False
    assert 0 <= result["seconds"] < 10
    assert http.failure(result) is None


async def test_query_values_are_encoded_and_added_to_those_of_the_url(http: Http, site: Scripted) -> None:
    await perform(http, url=f"{site.url}/x?a=1", query={"b": "x y&z", "c": [1, True]})
    assert site.got[0].query == "a=1&b=x+y%26z&c=1&c=true"


async def test_json_form_and_text_bodies_carry_their_content_type(http: Http, site: Scripted) -> None:
    await perform(http, method="POST", url=site.url, json={"é": None})
    await perform(http, method="POST", url=site.url, form={"a": "x y", "b": 2})
    await perform(http, method="POST", url=site.url, body="plain")
    await perform(http, method="POST", url=site.url, body="<a/>", headers={"Content-Type": "text/xml"})
    assert [(got.headers["content-type"], got.body) for got in site.got] == [
        ("application/json", '{"é": null}'.encode()),
        ("application/x-www-form-urlencoded", b"a=x+y&b=2"),
        ("text/plain; charset=utf-8", b"plain"),
        ("text/xml", b"<a/>"),
    ]


async def test_a_change_carries_its_key_and_a_read_does_not(http: Http, site: Scripted) -> None:
    await perform(http, key="run-1/roll_back/1", method="POST", url=site.url)
    await perform(
        http, key="run-1/roll_back/1", method="POST", url=site.url, headers={"Idempotency-Key": "mine"}
    )
    await perform(http, key="run-1/roll_back/1", url=site.url)
    keys = [got.headers.get("idempotency-key") for got in site.got]
    assert keys == ["run-1/roll_back/1", "mine", None]


async def test_basic_and_bearer_credentials_are_sent(http: Http, site: Scripted) -> None:
    await perform(http, url=site.url, auth={"username": "ann", "password": "pässword"})
    await perform(http, url=site.url, auth={"bearer": "t0ken"})
    basic = base64.b64encode("ann:pässword".encode()).decode()
    assert [got.headers["authorization"] for got in site.got] == [f"Basic {basic}", "Bearer t0ken"]


async def test_an_echoed_basic_header_is_hidden(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse(got.headers)
    result = await perform(http, url=site.url, auth={"username": "ann", "password": "password"})
    assert result["json"]["authorization"] == "Basic [secret]"
    assert base64.b64encode(b"ann:password").decode() not in json.dumps(result)


async def test_two_kinds_of_credentials_are_refused(http: Http, site: Scripted) -> None:
    with pytest.raises(InvalidInput, match="give one of"):
        await perform(http, url=site.url, auth={"bearer": "t"}, headers={"Authorization": "x"})
    assert site.got == []


async def test_cookies_do_not_wander_into_another_request(http: Http, site: Scripted) -> None:
    def reply(got: Got) -> Response:
        return RedirectResponse("/end", 302, {"Set-Cookie": "session=1; Path=/"})

    site.reply = lambda got: reply(got) if got.path == "/" else Response("")
    await perform(http, url=site.url)
    await perform(http, url=f"{site.url}/", follow_redirects=True)
    assert [got.path for got in site.got] == ["/", "/", "/end"]
    assert not any("cookie" in got.headers for got in site.got)


async def test_reads_share_a_connection_and_changes_do_not(http: Http, site: Scripted) -> None:
    for _ in range(2):
        await perform(http, url=site.url)
    for _ in range(2):
        await perform(http, method="POST", url=site.url)
    first, second, third, fourth = [got.port for got in site.got]
    assert first == second
    assert len({second, third, fourth}) == 3


async def test_nothing_about_a_request_is_logged(
    http: Http, site: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await perform(http, url=f"{site.url}/path-of-test?token=t0ken", headers={"x": "t0ken"})
    assert "t0ken" not in caplog.text
    assert "path-of-test" not in caplog.text


# --- what comes back --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "accept", "failure"),
    [
        (204, None, None),
        (302, None, None),
        (404, None, "answered 404 Not Found"),
        (404, [200, 404], None),
        (200, [204], "answered 200 OK"),
        (599, None, "answered 599"),
    ],
)
async def test_the_status_decides_about_failure(
    http: Http, site: Scripted, status: int, accept: list[int] | None, failure: str | None
) -> None:
    site.reply = lambda got: Response("", status)
    given: dict[str, Any] = {"accept": accept} if accept else {}
    result = await perform(http, url=f"{site.url}/x?q=1", **given)
    assert http.failure(result) == (failure and f"GET {site.url}/x {failure}")


async def test_a_failure_shows_the_first_line_of_the_body(http: Http, site: Scripted) -> None:
    site.reply = lambda got: Response("\n  no upstream\nmore", 503)
    result = await perform(http, url=site.url)
    assert http.failure(result) == f"GET {site.url} answered 503 Service Unavailable: no upstream"


async def test_a_huge_body_is_cut_and_not_read_to_its_end(http: Http) -> None:
    written = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while True:
            writer.write("é".encode() * 50_000)
            await writer.drain()
            written += 100_000

    async with raw(endless) as url:
        result = await perform(http, url=url)
    assert result["truncated"] is True
    assert result["body"] == "é" * (BODY_LIMIT // 2)
    assert written < 32 * 1024 * 1024


async def test_a_character_cut_in_half_is_dropped(http: Http, site: Scripted) -> None:
    site.reply = lambda got: Response("x" + "é" * 40_000)
    result = await perform(http, url=site.url)
    assert result["body"] == "x" + "é" * (BODY_LIMIT // 2 - 1)


async def test_json_beyond_the_body_limit_is_whole(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse(["x" * 100_000])
    result = await perform(http, url=site.url)
    assert result["json"] == ["x" * 100_000]
    assert len(result["body"]) == BODY_LIMIT
    assert result["truncated"] is True


async def test_json_beyond_its_own_limit_is_absent(http: Http, site: Scripted) -> None:
    site.reply = lambda got: JSONResponse(["x" * 1_100_000])
    result = await perform(http, url=site.url)
    assert "json" not in result
    assert result["truncated"] is True


@pytest.mark.parametrize(
    "body", ["{", "[NaN]", "[" * 5000 + "]" * 5000, "[" * 150 + "]" * 150, '["\\ud800"]', "", "\xff"]
)
async def test_a_body_that_is_no_json_stays_text(http: Http, site: Scripted, body: str) -> None:
    site.reply = lambda got: Response(body.encode("latin-1"), media_type="application/problem+json")
    result = await perform(http, url=site.url)
    assert "json" not in result
    assert result["body"] == body.replace("\xff", "\ufffd")


async def test_json_of_another_type_is_not_parsed(http: Http, site: Scripted) -> None:
    site.reply = lambda got: Response("[1]", media_type="text/plain")
    assert "json" not in await perform(http, url=site.url)


@pytest.mark.parametrize(("charset", "body"), [("latin-1", "é"), ("no-such-charset", "\ufffd")])
async def test_the_body_is_read_in_its_charset(http: Http, site: Scripted, charset: str, body: str) -> None:
    site.reply = lambda got: Response(b"\xe9", headers={"content-type": f"text/plain; charset={charset}"})
    assert (await perform(http, url=site.url))["body"] == body


# --- redirects --------------------------------------------------------------------------------------------


async def test_a_redirect_is_followed_only_when_asked(http: Http, site: Scripted) -> None:
    site.reply = lambda got: RedirectResponse("/end", 302) if got.path == "/" else JSONResponse("there")
    stayed = await perform(http, url=f"{site.url}/")
    went = await perform(http, url=f"{site.url}/", follow_redirects=True)
    assert (stayed["status"], stayed["headers"]["location"]) == (302, "/end")
    assert (went["status"], went["url"], went["json"]) == (200, f"{site.url}/end", "there")


async def test_a_redirect_to_another_host_loses_the_tokens(http: Http, site: Scripted) -> None:
    with scripted() as other:
        site.reply = lambda got: RedirectResponse(f"{other.url}/end", 307)
        await perform(
            http,
            url=site.url,
            follow_redirects=True,
            auth={"bearer": "t0ken"},
            headers={"X-Api-Key": "t0ken"},
        )
        assert site.got[0].headers["x-api-key"] == "t0ken"
        assert "t0ken" not in str(other.got[0].headers)


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_what_would_have_to_be_asked_elsewhere_is_no_success(
    http: Http, site: Scripted, status: int
) -> None:
    """A server that sends everybody to https:// has done nothing."""
    site.reply = lambda got: RedirectResponse("https://there.example.org/end?token=1", status)
    result = await perform(http, method="POST", url=f"{site.url}/pause")
    assert http.failure(result) == (
        f"POST {site.url}/pause answered {status_text(status)}, to https://there.example.org/end; "
        "use that address, or `follow_redirects`"
    )


async def test_a_body_is_not_repeated_at_another_host(http: Http, site: Scripted) -> None:
    """Secrets may stand in it."""
    with scripted() as other:
        site.reply = lambda got: RedirectResponse(f"{other.url}/end", 307)
        result = await perform(
            http, method="POST", url=site.url, json={"token": "t0ken"}, follow_redirects=True
        )
        assert (result["status"], result["accepted"], other.got) == (307, False, [])


async def test_redirects_in_a_circle_end(http: Http, site: Scripted) -> None:
    site.reply = lambda got: RedirectResponse("/", 302)
    with pytest.raises(ActionRefused, match="more than 10 redirects"):
        await perform(http, url=site.url, follow_redirects=True)


# --- connecting elsewhere ---------------------------------------------------------------------------------


SHOP = "shop.example.org"
"""Has no address that anybody here could reach."""


@pytest.mark.parametrize("place", ["127.0.0.1:{}", "localhost:{}"])
async def test_a_request_connects_elsewhere_and_asks_for_the_same_host(
    http: Http, site: Scripted, place: str
) -> None:
    port = httpx.URL(site.url).port
    result = await perform(http, url=f"http://{SHOP}/x", connect_to=place.format(port))
    assert (site.got[0].headers["host"], site.got[0].path) == (SHOP, "/x")
    assert (result["url"], result["connected_to"]) == (f"http://{SHOP}/x", place.format(port))


async def test_connecting_elsewhere_keeps_the_port_unless_another_is_given(
    http: Http, site: Scripted
) -> None:
    port = httpx.URL(site.url).port
    await perform(http, method="POST", url=f"http://{SHOP}:{port}/", json={"a": 1}, connect_to="127.0.0.1")
    assert (site.got[0].headers["host"], site.got[0].body) == (f"{SHOP}:{port}", b'{"a": 1}')


async def test_elsewhere_must_show_the_certificate_of_the_host_that_is_asked_for(
    http: Http, tmp_path: Path
) -> None:
    async with secure(tmp_path, SHOP) as server:
        there: Any = {"connect_to": f"127.0.0.1:{server.port}", "ca_file": server.authority}
        assert (await perform(http, url=f"https://{SHOP}/", **there))["body"] == "ok"
        assert server.names == [SHOP]
        with pytest.raises(Unreachable, match=r"certificate is not trusted: Hostname mismatch"):
            await perform(http, url="https://bank.example.org/", **there)
    assert len(server.heads) == 1
    assert f"Host: {SHOP}\r\n" in server.heads[0]


async def test_a_redirect_on_the_same_host_connects_elsewhere_too(http: Http, site: Scripted) -> None:
    site.reply = lambda got: RedirectResponse("/end", 302) if got.path == "/" else JSONResponse("there")
    place = f"127.0.0.1:{httpx.URL(site.url).port}"
    result = await perform(http, url=f"http://{SHOP}/", connect_to=place, follow_redirects=True)
    assert (result["url"], result["json"]) == (f"http://{SHOP}/end", "there")
    assert [(got.path, got.headers["host"]) for got in site.got] == [("/", SHOP), ("/end", SHOP)]


async def test_a_redirect_to_another_host_goes_where_it_says(http: Http, site: Scripted) -> None:
    with scripted() as other:
        site.reply = lambda got: RedirectResponse(f"{other.url}/end", 302)
        place = f"127.0.0.1:{httpx.URL(site.url).port}"
        result = await perform(http, url=f"http://{SHOP}/", connect_to=place, follow_redirects=True)
        assert result["url"] == f"{other.url}/end"
        assert "connected_to" not in result
        assert (len(site.got), len(other.got)) == (1, 1)


async def test_a_connection_made_in_the_name_of_another_host_is_not_one_to_the_place_itself(
    tmp_path: Path,
) -> None:
    async with secure(tmp_path, SHOP) as server:
        place = f"127.0.0.1:{server.port}"
        trust = ssl.create_default_context(cafile=server.authority)
        async with httpx.AsyncClient(transport=Detour(f"https://{SHOP}/", place, trust)) as client:
            assert [(await client.get(f"https://{SHOP}/")).text for _ in range(2)] == ["ok", "ok"]
            with pytest.raises(httpx.ConnectError, match="IP address mismatch"):
                await client.get(f"https://{place}/")
    assert (server.names, len(server.heads)) == ([SHOP, None], 2)


async def test_a_connection_made_elsewhere_is_not_used_for_others(http: Http, site: Scripted) -> None:
    place = f"127.0.0.1:{httpx.URL(site.url).port}"
    await perform(http, url=site.url)
    await perform(http, url=f"http://{SHOP}/", connect_to=place)
    await perform(http, url="http://bank.example.org/", connect_to=place)
    await perform(http, url=site.url)
    first, second, third, fourth = [got.port for got in site.got]
    assert first == fourth
    assert len({first, second, third}) == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_error_names_the_place_that_was_connected_to(http: Http, method: str) -> None:
    place = f"127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable) as caught:
        await perform(http, method=method, url=f"http://{SHOP}/x?a=1", connect_to=place)
    assert str(caught.value) == f"{method} http://{SHOP}/x at {place}: connection refused"


async def test_a_failure_names_the_place_that_answered(http: Http, site: Scripted) -> None:
    site.reply = lambda got: Response("", 503)
    place = f"127.0.0.1:{httpx.URL(site.url).port}"
    result = await perform(http, url=f"http://{SHOP}/x", connect_to=place)
    assert http.failure(result) == f"GET http://{SHOP}/x at {place} answered 503 Service Unavailable"


@pytest.mark.parametrize(
    "place", ["", "a b", "http://127.0.0.1", "ann@127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999"]
)
async def test_what_is_no_place_is_the_authors_error(http: Http, site: Scripted, place: str) -> None:
    with pytest.raises(InvalidInput, match="`connect_to` is"):
        await perform(http, method="POST", url=site.url, connect_to=place)
    assert site.got == []


# --- caches -----------------------------------------------------------------------------------------------


async def test_a_fresh_answer_is_asked_for_when_the_step_wants_one(http: Http, site: Scripted) -> None:
    await perform(http, url=site.url)
    await perform(http, url=site.url, fresh=True)
    await perform(http, url=site.url, fresh=True, headers={"Cache-Control": "max-age=5"})
    asked = [(got.headers.get("cache-control"), got.headers.get("pragma")) for got in site.got]
    assert asked == [(None, None), ("no-cache", "no-cache"), ("max-age=5", "no-cache")]


async def test_a_fresh_answer_is_asked_for_behind_a_redirect_too(http: Http, site: Scripted) -> None:
    with scripted() as other:
        site.reply = lambda got: RedirectResponse(f"{other.url}/end", 302)
        await perform(http, url=site.url, fresh=True, follow_redirects=True)
        assert other.got[0].headers["cache-control"] == "no-cache"


# --- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nobody_listening_is_unreachable_for_every_method(http: Http, method: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable) as caught:
        await perform(http, method=method, url=f"{url}/x?token=t")
    assert str(caught.value) == f"{method} {url}/x: connection refused"


async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def torn(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")
    await writer.drain()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_connection_cut_after_the_request_leaves_a_change_in_doubt(http: Http, method: str) -> None:
    async with raw(cut) as url:
        with pytest.raises(OutcomeUnknown, match="nobody knows whether it was executed"):
            await perform(http, method=method, url=url)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_connection_cut_in_a_read_is_unreachable(http: Http, method: str) -> None:
    async with raw(cut) as url:
        with pytest.raises(Unreachable):
            await perform(http, method=method, url=url)


async def test_silence_is_doubt_for_a_change_and_no_more_than_that_for_a_read(http: Http) -> None:
    async with raw(silent) as url:
        with pytest.raises(OutcomeUnknown, match=r"no answer within 200ms"):
            await perform(http, seconds=0.2, method="POST", url=url)
        with pytest.raises(Unreachable, match=r"no answer within 200ms"):
            await perform(http, seconds=0.2, url=url)


async def test_a_status_is_the_answer_to_a_change_even_when_the_body_is_torn(http: Http) -> None:
    async with raw(torn) as url:
        result = await perform(http, method="POST", url=url)
        assert (result["status"], result["body"], result["truncated"]) == (200, "part", True)
        with pytest.raises(Unreachable):
            await perform(http, url=url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://127.0.0.1/x", "begins with `http://`"),
        ("http:///x", "begins with `http://`"),
        ("http://127.0.0.1:99999/", "no port 99999"),
        ("http://ann:s3cret@127.0.0.1/", "do not belong into a URL"),
    ],
)
async def test_a_url_that_cannot_be_asked_is_the_authors_error(http: Http, url: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await perform(http, url=url)
    assert says in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("headers", [{"x": "a\r\nb: s3cret"}, {"x": "s3cret\u20ac"}, {"Content-Length": "3"}])
async def test_a_header_that_cannot_be_sent_is_the_authors_error(
    http: Http, site: Scripted, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await perform(http, method="POST", url=site.url, headers=headers)
    assert "s3cret" not in str(caught.value)
    assert site.got == []


async def test_a_certificate_is_trusted_by_its_file_only(http: Http, tmp_path: Path) -> None:
    async with secure(tmp_path, "127.0.0.1") as server:
        url = f"https://127.0.0.1:{server.port}"
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await perform(http, url=url)
        assert (await perform(http, url=url, ca_file=server.authority))["body"] == "ok"
        with pytest.raises(InvalidInput, match="no file of PEM certificates"):
            await perform(http, url=url, ca_file=str(tmp_path / "missing"))


async def test_cancellation_ends_a_request_within_a_second(http: Http) -> None:
    closed = asyncio.Event()
    arrived = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()
        closed.set()

    async with raw(watch) as url:
        task = asyncio.create_task(perform(http, seconds=60, url=url))
        await asyncio.wait_for(arrived.wait(), 10)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 10)
    assert time.monotonic() - began < 8
