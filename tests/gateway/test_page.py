"""The page of a run: what people read on a phone, and what nobody can smuggle into it."""

from __future__ import annotations

import base64
import re
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException

from stanch.config import Config
from stanch.contract import Plotted, RunView
from stanch.gateway.page import HEADERS, render_page
from stanch.gateway.people import People, read_people
from stanch.language.plan import Link
from tests.cli.views import ASKING, ENDED, NOON, WAITING
from tests.gateway.test_access import request
from tests.gateway.test_api import start, until, worker
from tests.gateway.test_people import KEY, TOKENS, strict

__all__ = ["strict", "worker"]

SERIES = [{"labels": {"job": "a"}, "points": [[NOON - 60.0 * at, 0.1 * at] for at in range(60, -1, -1)]}]


class Read(HTMLParser):
    """Tags, attributes and text of a page, as a browser would take them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def password(token: str, name: str = "grace") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()}


# --- what it shows ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("worker")
async def test_an_open_question_is_on_the_page_with_its_answers(gateway: httpx.AsyncClient) -> None:
    run = await start(gateway)
    seen = await until(gateway, run, "requests")
    answer = await gateway.get(f"/runs/{run}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    (asked,) = seen["requests"]
    for text in (asked["question"], f"stanch approve {run} --request {asked['id']} --digest"):
        assert text in Read(answer.text).text


async def test_the_page_of_no_run_is_not_there(gateway: httpx.AsyncClient) -> None:
    assert (await gateway.get("/runs/run/nothing/here")).status_code == 404


def test_a_question_shows_what_will_run_and_what_it_rests_on() -> None:
    text = Read(render_page(WAITING)).text
    places = [
        text.index(words)
        for words in (
            "Put the previous release back? (3 changes)",
            "Asked: incident_commander",
            "web1",
            "deploy rollback checkout",
            "way back: deploy redeploy checkout 2026.11.2",
            "errors.rate = 0.2",
            "stanch approve run/rollback-release/9f3c2a1b5d6e7f80 --request roll_back --digest 4be2a91c03d7",
            "Read the error rate",
        )
    ]
    assert places == sorted(places)


def test_series_are_drawn_between_the_question_and_the_steps() -> None:
    page = render_page(replace(WAITING, plots=(Plotted("errors.rate", SERIES), Plotted("odd", {}))))
    assert page.count("<svg") == page.count("<figure>") == 1
    assert page.index("errors.rate = 0.2") < page.index("<svg") < page.index("<h2>Steps</h2>")


def test_only_a_run_that_goes_on_asks_for_its_page_anew() -> None:
    assert 'http-equiv="refresh"' in render_page(WAITING)
    assert 'http-equiv="refresh"' not in render_page(ENDED)


# --- what it lets through ---------------------------------------------------------------------------------

HOSTILE = "</pre></title></style><script>alert(1)</script><img src=x onerror='y'>\" '&lt;\u202e\x1b[2J"


def poisoned(value: Any) -> Any:
    """`value` with every text of it hostile."""
    if isinstance(value, str):
        return HOSTILE + value
    if isinstance(value, tuple):
        return tuple(map(poisoned, value))
    if isinstance(value, dict):
        return {poisoned(key): poisoned(held) for key, held in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: poisoned(getattr(value, each.name)) for each in fields(value)})
    return value


@pytest.mark.parametrize("view", [WAITING, ASKING, ENDED])
def test_no_text_of_a_run_becomes_more_than_text(view: RunView) -> None:
    plots = (Plotted("x", [{"labels": {HOSTILE: HOSTILE}, "points": [[NOON, 1.0]]}]),)
    clean, odd = (Read(render_page(each)) for each in (view, poisoned(replace(view, plots=plots))))
    assert set(odd.tags) <= {*clean.tags, "section", "figure", "figcaption", "svg", "path", "text", "code"}
    assert not {"script", "img"} & set(odd.tags)
    assert not any(name.startswith("on") or name in ("style", "src") for name, _ in odd.attributes)
    assert not any(HOSTILE[:8] in (held or "") for _, held in odd.attributes)
    assert "\x1b" not in odd.text
    assert "\u202e" not in odd.text


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://grafana.example.org/d/x?a=1&b=2", True),
        ("javascript:alert(1)", False),
        ('https://x" onmouseover="y', False),
        ("https://x/'y", False),
        ("data:text/html,x", False),
    ],
)
def test_only_an_address_is_a_link(url: str, followed: bool) -> None:
    (asked,) = WAITING.requests
    page = Read(render_page(replace(WAITING, requests=(replace(asked, links=(Link("Dashboard", url),)),))))
    assert [held for name, held in page.attributes if name == "href"] == ([url] if followed else [])


def test_the_browser_is_told_to_run_and_fetch_nothing() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    style = re.search(r"<style>(.*?)</style>", render_page(WAITING), re.DOTALL)
    assert style is not None
    assert " style=" not in render_page(replace(WAITING, plots=(Plotted("x", SERIES),)))


# --- who may read it --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("worker")
async def test_a_browser_shows_a_token_as_a_password(strict: httpx.AsyncClient) -> None:
    run = await start(strict)
    await until(strict, run, "requests")
    for headers, status in (
        (password(TOKENS["grace"]), 200),
        (password(TOKENS["grace"], "anybody"), 200),
        ({"Authorization": f"Bearer {TOKENS['grace']}"}, 200),
        (password("wrong-0123456789abcdef"), 401),
        ({"Authorization": "Basic !"}, 401),
    ):
        answer = await strict.get(f"/runs/{run}", headers=headers)
        assert answer.status_code == status, (headers, answer.text)
        assert answer.headers.get("www-authenticate", "").startswith("Basic ") is (status == 401)


@pytest.mark.usefixtures("worker")
async def test_a_password_changes_nothing(strict: httpx.AsyncClient) -> None:
    """A browser sends it by itself, whoever's page asks for that."""
    run = await start(strict)
    seen = await until(strict, run, "requests")
    order = {"verb": "pause", "reason": "x"}
    headers = password(TOKENS["grace"]) | {"Origin": "https://evil.example.org"}
    answer = await strict.post(f"/api/v1/runs/{seen['run']}/orders", json=order, headers=headers)
    assert answer.status_code in (401, 403)


def people(config: Config) -> People:
    return read_people(replace(config.gateway, signing_key=KEY, people={"linus": TOKENS["linus"]}))


def test_who_is_not_on_this_machine_is_asked_for_a_password(config: Config) -> None:
    with pytest.raises(HTTPException) as caught:
        people(config).admit_reader(request("192.0.2.1"))
    assert caught.value.status_code == 401
    assert (caught.value.headers or {})["WWW-Authenticate"].startswith("Basic ")
    assert people(config).admit_reader(request("127.0.0.1")) == ""


def test_where_nobody_has_a_token_only_this_machine_reads() -> None:
    with pytest.raises(HTTPException) as caught:
        People().admit_reader(request("192.0.2.1", **password("x" * 30)))
    assert caught.value.status_code == 403
