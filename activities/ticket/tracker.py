"""What a tracker of tickets does for this action, whoever's it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stanch.language.plan import Json


@dataclass(frozen=True, slots=True)
class Issue:
    key: str
    url: str
    state: str


class Tracker(Protocol):
    """`mark`: what it knows a ticket or a comment of ours by, so that none is made twice."""

    async def find(self, mark: str) -> Issue | None: ...

    async def open(
        self, mark: str, title: str, text: str, labels: Sequence[str], fields: Mapping[str, Json]
    ) -> Issue: ...

    async def get(self, key: str) -> Issue: ...

    async def comment(self, mark: str, key: str, text: str) -> None:
        """Unless it is there."""
        ...

    async def move(self, issue: Issue, to: str) -> None:
        """Raises ActionRefused with the states that it can be moved to."""
        ...
