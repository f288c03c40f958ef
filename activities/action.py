"""What an action is: a named way to touch the outside world, carried out by `activities.perform`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from stanch.contract import TargetEnd
from stanch.language.plan import Json


@dataclass(frozen=True, slots=True)
class Context:
    """What an action may use besides its parameters."""

    key: str
    """Names this execution for ever; what the target may use to recognise a repetition."""
    timeout: float
    """Seconds until the action must have given up by itself."""
    one: bool
    """The call names exactly one target: give one result and not a list."""
    beat: Callable[[str], None]
    """Tell Temporal that the action lives, with a short note (`3 of 40 hosts`); cheap, call it freely."""
    ended: Callable[[tuple[TargetEnd, ...]], None] = lambda _: None
    """Tell how it ended on each target, before a cancellation goes on its way: that can carry no words."""


class Action(Protocol):
    """An action. Instances live as long as the worker, so they may keep connections.

    `perform` raises `stanch.errors.InvalidInput` for parameters that do not fit, `Unreachable` when nothing
    was executed, `OutcomeUnknown` when a command was sent and its end is not known, `ActionRefused` when the
    outside said no in a way that has no result. It must end promptly when its task is cancelled, stopping
    what it started and telling `context.ended` what became of it.
    """

    name: str

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """The result, as the action's schema describes it; with several targets, a list of results."""
        ...

    async def close(self) -> None:
        """Let go of what is kept between steps; called once, when the worker ends."""
        ...

    def failure(self, result: Json) -> str | None:
        """Why `result` (of one `perform`) is a failure of a step that only wanted it done, else None.

        A `done`, `until` or `verify` ignores this: there, an exit status or an HTTP status is just data.
        """
        ...
