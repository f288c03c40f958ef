"""What an action is: a named way to touch the outside world, carried out by `activities.attempt.perform`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from activities.output import TakeWhole, leave_it
from stanch.contract import TargetEnd
from stanch.language.plan import Json


async def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Context:
    """What an action may use besides its parameters."""

    key: str
    """Names this execution for ever; what the target may use to recognise a repetition. A read has none."""
    timeout: float
    """Seconds until the action must have given up by itself."""
    one: bool
    """The call names exactly one target: give one result and not a list."""
    beat: Callable[[str], None]
    """Tell Temporal that the action lives, with a short note (`3 of 40 hosts`); cheap, call it freely."""
    ended: Callable[[tuple[TargetEnd, ...]], None] = lambda _: None
    """Tell how it ended on each target, before a cancellation goes on its way: that can carry no words."""
    hide: Callable[[Iterable[str]], None] = lambda _: None
    """Tell of secrets that did not come with the parameters: they are taken out of all that leaves."""
    so_far: Callable[[tuple[TargetEnd, ...], Json], None] = lambda *_: None
    """Tell how it stands on each target, for whoever is asked if this worker is lost; and, as data, what the
    next attempt needs to know of those that are done with."""
    earlier: Json = None
    """What an earlier attempt at this execution has told by `so_far`, if this one may go on from there."""
    leave: Callable[[], Awaitable[bool]] = _never
    """Asked when the task is cancelled: what was started goes on, as another attempt will find it."""
    whole: TakeWhole = leave_it
    """Give the whole of a text that is in the result without its middle: it is stored beside the history."""
    again: bool = False
    """An earlier attempt with this key may have executed it. Only a `Reattaching` action is told so."""
    others: bool = False
    """For `release`: this was not the only attempt with this key."""
    drill: bool = False
    """It belongs to a drill: whoever is told of it has to see that."""
    ended_before: bool = False
    """With `again`: it has ended, so it is found or nobody knows; it is not begun."""


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


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are, as an action has read them that can also change them."""

    done: bool
    """What the change would bring about is so already."""
    result: Json = None
    """As `perform` would have given it, had it changed nothing."""
    back: Mapping[str, Json] | None = None
    """The parameters that differ in a call of this action that brings this state back; one that is None is
    left out there. None when there is no way back. Secrets are no part of it: they stay references."""


@runtime_checkable
class Knowing(Action, Protocol):
    """An action that knows by itself whether its change is in place, and what was there before.

    It is asked before it acts: what is in place is not executed, and what was there goes into the ledger
    before anything is touched, so that no death of a worker loses it. It is asked afterwards until it holds.
    """

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        """Read, and change nothing. Raises as `perform` does, but never OutcomeUnknown."""
        ...


@runtime_checkable
class Telling(Action, Protocol):
    """An action that changes nothing that runs and tells people something, which they are not to hear twice.

    Its context has a key, like that of a change. What may have been told is not told again, unless whoever is
    told knows by the key that it was.
    """

    def knows_again(self, params: Mapping[str, Json]) -> bool:
        """Whether telling it again with the same key is the same as telling it once."""
        ...


@runtime_checkable
class Postponing(Action, Protocol):
    """An action whose target can answer that it cannot do it just now."""

    def later(self, result: Json) -> float | None:
        """Seconds until it wants to be asked again, 0 where it does not say when; None if it has answered."""
        ...


@runtime_checkable
class Reattaching(Action, Protocol):
    """An action whose target knows each execution by its key, so that it can be performed again with it.

    It is then begun if it never was, followed if it runs, and gives its one result once it has ended.
    """

    def reattaches(self, params: Mapping[str, Json]) -> bool:
        """Whether that holds for a call with these parameters."""
        ...

    async def begun(self, params: Mapping[str, Json], context: Context) -> bool:
        """Whether the execution was begun on any target. Raises Unreachable while that cannot be told."""
        ...

    async def release(self, params: Mapping[str, Json], context: Context) -> None:
        """The end of this execution is known: remove what it has left. With `context.others`, an attempt that
        was taken for dead may still come and ask to begin it, and must be refused."""
        ...
