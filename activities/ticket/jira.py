"""Jira Cloud's REST API, version 3. Its texts are documents of plain pieces: nothing in them acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from activities.ticket.tracker import Issue
from activities.web.api import Api
from stanch.errors import ActionRefused
from stanch.language.plan import Json

_KEY = "stanch"
_API = "/rest/api/3"


class Jira:
    """`project`: its key, such as `OPS`."""

    def __init__(self, api: Api, place: str, project: str) -> None:
        self._api = api
        self._place = place.rstrip("/")
        self._project = project

    async def find(self, mark: str) -> Issue | None:
        query = {"jql": f'project = "{self._project}" AND labels = "{_label(mark)}"', "fields": ["status"]}
        # A question, for which Jira takes a POST.
        said = await self._api.send("POST", f"{_API}/search/jql", {**query, "maxResults": 1}, safe=True)
        found = said.get("issues", [])
        return self._issue(found[0]) if found else None

    async def open(
        self, mark: str, title: str, text: str, labels: Sequence[str], fields: Mapping[str, Json]
    ) -> Issue:
        given = {
            "issuetype": {"name": "Task"},
            **fields,
            "project": {"key": self._project},
            "summary": title,
            "description": _document(text),
            "labels": [*labels, _label(mark)],
        }
        made = await self._api.send("POST", f"{_API}/issue", {"fields": given})
        return Issue(made["key"], self._url(made["key"]), "open")

    async def get(self, key: str) -> Issue:
        return self._issue(await self._api.get(f"{_API}/issue/{quote(key)}", {"fields": "status"}))

    async def comment(self, mark: str, key: str, text: str) -> None:
        path = f"{_API}/issue/{quote(key)}/comment"
        query: dict[str, str | list[str]] = {
            "expand": "properties",
            "orderBy": "-created",
            "maxResults": "100",
        }
        said = await self._api.get(path, query)
        mine = {"key": _KEY, "value": {"mark": mark}}
        if any(mine in each.get("properties", ()) for each in said.get("comments", ())):
            return
        await self._api.send("POST", path, {"body": _document(text), "properties": [mine]})

    async def move(self, issue: Issue, to: str) -> None:
        path = f"{_API}/issue/{quote(issue.key)}/transitions"
        ways = (await self._api.get(path))["transitions"]
        there = {each["to"]["name"]: each["id"] for each in ways}
        chosen = next((way for name, way in there.items() if name.casefold() == to.casefold()), None)
        if chosen is None:
            listed = ", ".join(f"`{name}`" for name in there) or "nowhere"
            raise ActionRefused(
                f"`{issue.key}` cannot be moved to `{to}` from `{issue.state}`, only to {listed}"
            )
        await self._api.send("POST", path, {"transition": {"id": chosen}})

    def _issue(self, each: Mapping[str, Json]) -> Issue:
        return Issue(each["key"], self._url(each["key"]), each["fields"]["status"]["name"])

    def _url(self, key: str) -> str:
        return f"{self._place}/browse/{key}"


def _label(mark: str) -> str:
    return f"{_KEY}-{mark}"


def _document(text: str) -> Json:
    """Atlassian's document format: a paragraph a line."""
    lines = text.splitlines() or [""]
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []} for line in lines
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}
