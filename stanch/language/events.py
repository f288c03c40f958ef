"""What PyYAML's parser gives of a text: its events, as far as they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import yaml

from stanch.language.tree import Style

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SCALAR = yaml.ScalarEvent
ALIAS = yaml.AliasEvent
MAPPING = yaml.MappingStartEvent
DOCUMENT = yaml.DocumentStartEvent
STREAM_END = yaml.StreamEndEvent
BEGIN = frozenset((MAPPING, yaml.SequenceStartEvent))
END = frozenset((yaml.MappingEndEvent, yaml.SequenceEndEvent))
STYLES: dict[str | None, Style] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}
"""By the parser's names for them."""


class Mark(Protocol):
    index: int
    """Characters before it."""


class Event(Protocol):
    """Each kind of them has some of it."""

    start_mark: Mark
    end_mark: Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None


def events_of(text: str) -> Callable[[], Any]:
    """What gives the next event of `text` with each call, up to STREAM_END; raises yaml.MarkedYAMLError."""
    next_event: Callable[[], Any] = _PARSER(_ended(text)).get_event
    return next_event


def _ended(text: str) -> str:
    """`text` with an end to a last line of nothing but spaces, which the parser would not take for a line."""
    return text + "\n" if text.endswith(" ") and text.rstrip(" ").endswith(("\n", "\r")) else text
