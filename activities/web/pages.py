"""A list that a server gives page by page: where the next one is, and when there is none.

Three ways are known: the header `Link` with `rel="next"` (RFC 8288), a cursor in the JSON that a field of the
query takes back (or that is the next URL itself), and page numbers that end with an empty page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import httpx

from activities.web.detour import origin
from activities.web.exchange import Answer, Ask, shown
from activities.web.pointer import Nowhere, pointed
from stanch.errors import ActionRefused
from stanch.language.plan import Json

USUAL = 10
_LINK = re.compile(r"""<(?P<url>[^<>]*)>(?P<parameters>(?:[^,"]|"(?:[^"\\]|\\.)*")*)""")
_PARAMETER = re.compile(
    r""";\s*(?P<name>[\w!#$&+.^`|~*-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s;,]+))"""
)


@dataclass(frozen=True, slots=True)
class Page:
    document: Json
    items: list[Json]


def read_page(ask: Ask, document: Json, pointer: str) -> Page:
    """The page's part of the list, at `pointer`. Raises ActionRefused."""
    try:
        items = pointed(document, pointer)
    except Nowhere as error:
        raise ActionRefused(f"{ask}: a page has no list at `{pointer}`: {error}") from None
    if not isinstance(items, list):
        where = f"at `{pointer}`" if pointer else "but something else; say by `select` where its list is"
        raise ActionRefused(f"{ask}: a page is no list {where}")
    return Page(document, items)


def first_page(ask: Ask, pages: Mapping[str, Json]) -> Ask:
    """`ask` for the first page: with its number, where pages have numbers."""
    if "number" not in pages:
        return ask
    return replace(ask, query={**ask.query, pages["number"]: str(pages.get("from", 1))})


def next_page(ask: Ask, answer: Answer, page: Page, pages: Mapping[str, Json]) -> Ask | None:
    """What asks for the page behind `page`, which `ask` got; None behind the last. Raises ActionRefused."""
    if "number" in pages:
        number = int(str(ask.query[pages["number"]])) + 1
        return replace(ask, query={**ask.query, pages["number"]: str(number)}) if page.items else None
    if "cursor" not in pages:
        url = linked(answer.headers.get("link", ""))
        return None if url is None else _elsewhere(ask, answer, url)
    cursor = _cursor(page.document, pages["cursor"])
    if not cursor:
        return None
    if "into" not in pages:
        return _elsewhere(ask, answer, cursor)
    return replace(ask, query={**ask.query, pages["into"]: cursor})


def linked(header: str) -> str | None:
    """The target of the first link whose relation is `next`; None if there is none."""
    for link in _LINK.finditer(header):
        if any("next" in relation.lower().split() for relation in _relations(link["parameters"])):
            return link["url"]
    return None


def _relations(parameters: str) -> Iterator[str]:
    """The first `rel` counts, as RFC 8288, 3.3, wants it."""
    for found in _PARAMETER.finditer(parameters):
        if found["name"].lower() == "rel":
            yield found["plain"] or re.sub(r"\\(.)", r"\1", found["quoted"] or "")
            return


def _cursor(document: Json, pointer: str) -> str:
    """Empty where the last page has none."""
    try:
        found = pointed(document, pointer)
    except Nowhere:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return str(found)


def _elsewhere(ask: Ask, answer: Answer, url: str) -> Ask:
    """The page at `url`. It is data of the server, so it may not lead the step's credentials to another."""
    here = httpx.URL(answer.url)
    try:
        there = here.join(url)
    except httpx.InvalidURL:
        raise ActionRefused(f"{ask}: the next page is at `{url[:200]}`, which is no URL") from None
    if origin(there) != origin(httpx.URL(ask.url)) or there.userinfo:
        raise ActionRefused(f"{ask}: the next page is at another server, `{shown(str(there))[:200]}`")
    # The link has the whole query, the step's own fields too.
    return replace(ask, url=str(there), query={})
