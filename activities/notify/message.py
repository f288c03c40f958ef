"""A message, and what is taken out of it before people see it.

Its text may quote an alert or a log, so whoever wrote that must not be able to call everybody, or to hide
where a link leads. Whom the author wants to call stands beside the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from activities.action import Context
from activities.marks import mark_of
from activities.output import shortened
from stanch.language.plan import Json

DRILL = "[DRILL]"
_LIMIT = 3500
"""Bytes of text: what every service takes in one message."""
# What some service takes for a call to many, or to somebody: the space of no width leaves it readable.
_CALL = re.compile(r"@(?=everyone\b|here\b|channel\b|all\b)|<(?=[!@#]|at\b)", re.IGNORECASE)
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""What steers a terminal, or turns the letters round."""


@dataclass(frozen=True, slots=True)
class Link:
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    title: str
    """One line; empty for none."""
    text: str
    links: tuple[Link, ...] = ()
    mention: tuple[str, ...] = ()
    thread: str = ""
    mark: str = ""
    """The same whenever this very message is sent again."""
    drill: bool = False

    @property
    def plain(self) -> str:
        """The text with its links, for what has no form of its own for these."""
        return "\n".join([self.text, *(f"{link.title}: {link.url}" for link in self.links)])


def message_of(params: Mapping[str, Json], context: Context) -> Message:
    title, text = clean(params.get("title", "")), clean(params["text"])
    if context.drill:
        title, text = (f"{DRILL} {title}", text) if title else ("", f"{DRILL} {text}")
    return Message(
        title=title,
        text=shortened(text, _LIMIT)[0],
        links=tuple(Link(clean(each["title"]), each["url"]) for each in params.get("links", ())),
        mention=tuple(params.get("mention", ())),
        thread=params.get("thread", ""),
        mark=mark_of(context.key),
        drill=context.drill,
    )


def clean(text: str) -> str:
    return _UNSEEN.sub("\ufffd", text.replace("\r\n", "\n"))


def uncalled(text: str) -> str:
    """`text` in which nothing calls anybody, for services whose own escapes are not known here."""
    return _CALL.sub(lambda found: f"{found[0]}\u200b", text)
