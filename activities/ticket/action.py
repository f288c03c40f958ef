"""The action itself: make it once, and say what it is known by."""

from __future__ import annotations

from collections.abc import Mapping

from activities.action import Context
from activities.marks import mark_of, stem_of
from activities.notify.message import DRILL, clean
from activities.output import shortened
from activities.systems import Systems
from activities.ticket.github import GitHubIssues
from activities.ticket.jira import Jira
from activities.ticket.tracker import Issue, Tracker
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.errors import InvalidInput
from stanch.language.plan import Json

KINDS = ("github", "jira")
_GITHUB = "https://api.github.com"
_LONGEST = 20_000
"""Bytes of a text; trackers take a little more."""


class Ticket:
    """`ticket` as an action. Close it when the worker ends."""

    name = "ticket"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, _: Json) -> str | None:
        return None

    def knows_again(self, _: Mapping[str, Json]) -> bool:
        return True

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`key url state created`."""
        tracker = await self._tracker(params, context)
        mark = mark_of(stem_of(context.key))
        if "create" in params:
            return await _create(tracker, mark, params["create"], context)
        asked = params.get("comment", params.get("transition"))
        if asked is None:
            raise InvalidInput("a `ticket` is one of `create`, `comment` and `transition`")
        key: str = asked["ticket"]
        issue = await tracker.get(key)
        if "text" in asked:
            await tracker.comment(mark, key, _text(asked["text"], context))
        if "to" in asked and issue.state.casefold() != asked["to"].casefold():
            await tracker.move(issue, asked["to"])
            issue = await tracker.get(key)
        return _result(issue)

    async def _tracker(self, params: Mapping[str, Json], context: Context) -> Tracker:
        system = self._systems.named(params.get("tracker"), KINDS)
        settings = await self._systems.find(system, KINDS, context)
        kind = settings["kind"]
        needed = ("project",) if kind == "github" else ("url", "project")
        if lacking := [f"`{name}`" for name in needed if name not in settings]:
            raise InvalidInput(f"the system `{system}` is a `{kind}` and needs {' and '.join(lacking)}")
        context.beat(f"ticket in `{system}`")
        place = {"url": _GITHUB, **settings} if kind == "github" else settings
        api = Api(self._web, system, place, context)
        if kind == "github":
            return GitHubIssues(api, settings["project"])
        return Jira(api, settings["url"], settings["project"])


async def _create(tracker: Tracker, mark: str, asked: Mapping[str, Json], context: Context) -> Json:
    if (found := await tracker.find(mark)) is not None:
        return _result(found)
    title = clean(asked["title"])
    title = f"{DRILL} {title}" if context.drill else title
    links = [f"{clean(link['title'])}: {link['url']}" for link in asked.get("links", ())]
    text = "\n".join([_text(asked.get("text", ""), context), *links])
    made = await tracker.open(mark, title[:250], text, asked.get("labels", ()), asked.get("fields", {}))
    return {**_result(made), "created": True}


def _text(text: str, context: Context) -> str:
    return shortened(f"{DRILL} {clean(text)}" if context.drill else clean(text), _LONGEST)[0]


def _result(issue: Issue) -> dict[str, Json]:
    return {"key": issue.key, "url": issue.url, "state": issue.state, "created": False}
