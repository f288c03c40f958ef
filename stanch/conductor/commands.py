"""What the conductor tells its host to do. Each is carried out once, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from stanch.contract import ActionTask, Followup, LeaseTask, Outcome, PageTask
from stanch.language.plan import Json


@dataclass(frozen=True, slots=True)
class RunAction:
    """Carry out `task` and answer with ActionSucceeded, ActionFailed or ActionLost under `key`."""

    key: str
    task: ActionTask
    summary: str
    deadline: float
    """Seconds that all of it may take: acting, waiting for `done` or `poll`, and every try."""
    tries: int
    """How often it may be tried when its target could not be reached; 1 for a change nobody declared safe."""
    every: float = 2.0
    """Seconds between tries."""


@dataclass(frozen=True, slots=True)
class CancelAction:
    """Stop the action under `key`; its end is still answered."""

    key: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    key: str
    seconds: float
    summary: str


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer under `key`; it must not be answered afterwards."""

    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """Page somebody. Nothing waits for it; a failure is answered with PageFailed."""

    task: PageTask


@dataclass(frozen=True, slots=True)
class AskLease:
    """Ask a lease how the claim of `task` stands, and answer with LeaseAnswered under `key`, its id."""

    key: str
    task: LeaseTask


@dataclass(frozen=True, slots=True)
class RingLease:
    """Ring at the lease `name`, so that it looks at who holds it. Nothing waits for it."""

    name: str


@dataclass(frozen=True, slots=True)
class FinishRun:
    """The run has ended; no command follows."""

    outcome: Outcome
    reason: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)
    followups: tuple[Followup, ...] = ()
    """Runs to start, which go on by themselves."""


Command: TypeAlias = (
    RunAction | CancelAction | StartTimer | CancelTimer | Page | AskLease | RingLease | FinishRun
)
