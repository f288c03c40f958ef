"""Issues of GitHub. A comment that nobody sees is what one of ours is known by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from activities.ticket.tracker import Issue
from activities.web.api import Api
from stanch.errors import ActionRefused
from stanch.language.plan import Json

_NEWEST: Mapping[str, str | list[str]] = {"per_page": "100", "sort": "created", "direction": "desc"}
_STATES = ("open", "closed")
# A mention, a link that hides its address, and a comment that looks like one of ours.
_ACTS = re.compile(r"@(?=\w)|\](?=\()|<(?=!--)")


class GitHubIssues:
    """`project`: `OWNER/NAME`."""

    def __init__(self, api: Api, project: str) -> None:
        self._api = api
        self._base = f"/repos/{quote(project)}/issues"

    async def find(self, mark: str) -> Issue | None:
        found = await self._api.get(self._base, {**_NEWEST, "state": "all"})
        return next((_issue(each) for each in found if _mine(mark) in (each.get("body") or "")), None)

    async def open(
        self, mark: str, title: str, text: str, labels: Sequence[str], fields: Mapping[str, Json]
    ) -> Issue:
        given = {**fields, "title": title, "body": _body(mark, text), "labels": list(labels)}
        return _issue(await self._api.send("POST", self._base, given))

    async def get(self, key: str) -> Issue:
        return _issue(await self._api.get(f"{self._base}/{_number(key)}"))

    async def comment(self, mark: str, key: str, text: str) -> None:
        path = f"{self._base}/{_number(key)}/comments"
        page = 1
        while True:
            said = await self._api.get(path, {"per_page": "100", "page": str(page)})
            if any(_mine(mark) in (each.get("body") or "") for each in said):
                return
            if len(said) < 100:
                break
            page += 1
        await self._api.send("POST", path, {"body": _body(mark, text)})

    async def move(self, issue: Issue, to: str) -> None:
        if to.casefold() not in _STATES:
            raise ActionRefused(f"`{issue.key}` is `open` or `closed`, and cannot be `{to}`")
        await self._api.send("PATCH", f"{self._base}/{_number(issue.key)}", {"state": to.casefold()})


def _issue(each: Mapping[str, Json]) -> Issue:
    return Issue(f"#{each['number']}", each["html_url"], each["state"])


def _number(key: str) -> str:
    number = key.removeprefix("#")
    if not number.isascii() or not number.isdigit():
        raise ActionRefused(f"`{key}` is no issue such as `#17`")
    return number


def _mine(mark: str) -> str:
    return f"<!-- stanch:{mark} -->"


def _body(mark: str, text: str) -> str:
    harmless = _ACTS.sub(lambda found: f"{found[0]}\u200b", text)
    return f"{harmless}\n\n{_mine(mark)}"
