"""Slack, Teams, and any webhook: one request, and what the message is known by since."""

from __future__ import annotations

import re

from activities.notify.message import Link, Message
from activities.web.api import Api
from stanch.errors import ActionRefused
from stanch.language.plan import Json

_MARKDOWN = re.compile(r"([\\\[\]<>])")
_CARD = "application/vnd.microsoft.card.adaptive"


async def slack(api: Api, channel: str, message: Message) -> str:
    """The `ts` of the message. Raises ActionRefused with Slack's own word, such as `channel_not_found`."""
    lines = [" ".join(map(_called, message.mention)), f"*{_slack(message.title)}*" if message.title else ""]
    lines += [_slack(message.text), *(_linked(link) for link in message.links)]
    body: dict[str, Json] = {
        "channel": channel,
        "text": "\n".join(filter(None, lines)),
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    if message.thread:
        body["thread_ts"] = message.thread
    said = await api.send("POST", "/chat.postMessage", body)
    if not isinstance(said, dict) or said.get("ok") is not True:
        why = said.get("error", "no reason") if isinstance(said, dict) else "something that is no JSON"
        raise ActionRefused(f"Slack did not take the message: {why}")
    return str(said.get("ts", ""))


def _slack(text: str) -> str:
    """These three are all that Slack takes for more than text: calls, channels and links begin with `<`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _linked(link: Link) -> str:
    return f"<{_slack(link.url)}|{_slack(link.title).replace('|', ' ')}>"


def _called(name: str) -> str:
    if name in ("here", "channel"):
        return f"<!{name}>"
    return f"<!subteam^{name}>" if name.startswith("S") else f"<@{name}>"


async def teams(api: Api, message: Message) -> str:
    """A card, as a workflow of Teams takes it. It tells nothing that the message is known by."""
    blocks: list[Json] = []
    if message.title:
        blocks.append({"type": "TextBlock", "text": _card(message.title), "weight": "Bolder", "wrap": True})
    # A single line break is none in a card.
    blocks += [
        {"type": "TextBlock", "text": _card(line), "wrap": True} for line in message.text.splitlines() if line
    ]
    card: dict[str, Json] = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
    if message.links:
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": link.title, "url": link.url} for link in message.links
        ]
    attached = {"contentType": _CARD, "contentUrl": None, "content": card}
    await api.send("POST", "", {"type": "message", "attachments": [attached]})
    return ""


def _card(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


async def webhook(api: Api, message: Message) -> str:
    """The id that the answer gives, if it gives one."""
    body = {
        "title": message.title,
        "text": message.text,
        "links": [{"title": link.title, "url": link.url} for link in message.links],
        "thread": message.thread,
        "key": message.mark,
        "drill": message.drill,
    }
    said = await api.send("POST", "", body)
    return str(said.get("id", "")) if isinstance(said, dict) else ""
