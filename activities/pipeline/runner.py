"""What a system that runs jobs does for this action, whoever's it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Status: TypeAlias = Literal["running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be started."""

    job: str
    ref: str
    """A branch or a tag; empty for the usual one."""
    inputs: Mapping[str, str]
    """Those of the step, and the mark where there is an input for it."""
    mark: str
    """What names this execution; it stands in an input where `marked`."""
    marked: bool


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job. `conclusion`: how it stands, in its system's own word."""

    id: str
    url: str
    status: Status
    conclusion: str

    def __str__(self) -> str:
        return f"{self.id} ({self.url})" if self.url else self.id


class Runner(Protocol):
    """Of one order."""

    async def start(self) -> Run | None:
        """None when it was started and the system does not tell which run that is. Raises as `Api.send`."""
        ...

    async def find(self) -> Run | None:
        """The run with the mark of the order, among the newest. Raises Unreachable and ActionRefused."""
        ...

    async def get(self, run: str) -> Run:
        """Raises Unreachable and ActionRefused."""
        ...

    async def cancel(self, run: str) -> None:
        """Ask for its end, which may take a while. Raises as `Api.send`."""
        ...
