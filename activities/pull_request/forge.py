"""Where requests are made, asked for, merged and closed: GitHub, GitLab, or nowhere but in the repository."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias
from urllib.parse import quote

from activities.web.api import Api
from stanch.errors import ActionRefused
from stanch.language.plan import Json

State: TypeAlias = Literal["open", "merged", "closed"]

_SETTLING = 30.0
"""Seconds that a forge may need to find out whether a request can be merged."""


@dataclass(frozen=True, slots=True)
class Request:
    number: int
    url: str
    state: State
    commit: str = ""
    """Of a merged one: what it made on the base."""


class Forge(Protocol):
    async def place(self) -> str:
        """The repository as git reaches it."""
        ...

    async def find(self, branch: str) -> Request | None:
        """The newest request of this branch."""
        ...

    async def ask(self, branch: str, base: str, title: str, body: str) -> Request: ...

    async def merge(self, request: Request, commit: str) -> Request:
        """Merge it, if it is at `commit` still."""
        ...

    async def close(self, request: Request) -> None: ...


class GitHub:
    """`project`: `OWNER/NAME`."""

    def __init__(self, api: Api, project: str) -> None:
        self._api = api
        self._owner = project.partition("/")[0]
        self._base = f"/repos/{quote(project)}"

    async def place(self) -> str:
        return str((await self._api.get(self._base))["clone_url"])

    async def find(self, branch: str) -> Request | None:
        query: dict[str, str | list[str]] = {"state": "all", "head": f"{self._owner}:{branch}"}
        found = await self._api.get(f"{self._base}/pulls", query)
        return _of_github(max(found, key=lambda each: each["number"])) if found else None

    async def ask(self, branch: str, base: str, title: str, body: str) -> Request:
        given = {"title": title, "head": branch, "base": base, "body": body}
        return _of_github(await self._api.send("POST", f"{self._base}/pulls", given))

    async def merge(self, request: Request, commit: str) -> Request:
        path = f"{self._base}/pulls/{request.number}"
        await _settled(lambda: self._api.get(path), lambda each: each.get("mergeable") is not None)
        done = await self._api.send("PUT", f"{path}/merge", {"merge_method": "merge", "sha": commit})
        return Request(request.number, request.url, "merged", done["sha"])

    async def close(self, request: Request) -> None:
        await self._api.send("PATCH", f"{self._base}/pulls/{request.number}", {"state": "closed"})


class GitLab:
    """`project`: its path with the groups, or its number."""

    def __init__(self, api: Api, project: str) -> None:
        self._api = api
        self._base = f"/api/v4/projects/{quote(project, safe='')}"

    async def place(self) -> str:
        return str((await self._api.get(self._base))["http_url_to_repo"])

    async def find(self, branch: str) -> Request | None:
        query: dict[str, str | list[str]] = {"source_branch": branch, "state": "all"}
        found = await self._api.get(f"{self._base}/merge_requests", query)
        return _of_gitlab(max(found, key=lambda each: each["iid"])) if found else None

    async def ask(self, branch: str, base: str, title: str, body: str) -> Request:
        given = {"title": title, "source_branch": branch, "target_branch": base, "description": body}
        return _of_gitlab(await self._api.send("POST", f"{self._base}/merge_requests", given))

    async def merge(self, request: Request, commit: str) -> Request:
        path = f"{self._base}/merge_requests/{request.number}"
        unsettled = ("unchecked", "checking", "preparing", "approvals_syncing")
        await _settled(
            lambda: self._api.get(path), lambda each: each.get("detailed_merge_status") not in unsettled
        )
        return _of_gitlab(await self._api.send("PUT", f"{path}/merge", {"sha": commit}))

    async def close(self, request: Request) -> None:
        path = f"{self._base}/merge_requests/{request.number}"
        await self._api.send("PUT", path, {"state_event": "close"})


def _of_github(each: Mapping[str, Json]) -> Request:
    state: State = "merged" if each.get("merged_at") else each["state"]
    commit = each.get("merge_commit_sha") if state == "merged" else None
    return Request(each["number"], each["html_url"], state, commit or "")


def _of_gitlab(each: Mapping[str, Json]) -> Request:
    state: State = "merged" if each["state"] == "merged" else "open"
    if each["state"] == "closed":
        state = "closed"
    commits = (each.get(name) for name in ("merge_commit_sha", "squash_commit_sha", "sha"))
    return Request(each["iid"], each["web_url"], state, next(filter(None, commits), ""))


async def _settled(ask: Callable[[], Awaitable[Json]], holds: Callable[[Json], bool]) -> None:
    """Wait until the forge knows. Raises ActionRefused."""
    ends = time.monotonic() + _SETTLING
    while not holds(await ask()):
        if time.monotonic() > ends:
            raise ActionRefused("it does not say whether the request can be merged")
        await asyncio.sleep(0.5)
