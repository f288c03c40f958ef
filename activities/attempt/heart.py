"""What Temporal hears of an action while it runs, and what the next attempt remembers of a lost one.

Each heartbeat carries `Progress` for the workflow and people, and `Memory` for the next attempt of the same
activity. The SDK throttles heartbeats, so the newest may never arrive: what is absent proves nothing. The one
thing that must not be missed, that a change begins to act, is therefore put on record before it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Literal, Self, TypeAlias

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError
from temporalio.service import RPCError

from stanch.contract import Progress
from stanch.errors import EngineUnavailable
from stanch.language.plan import Call, Json

Phase: TypeAlias = Literal["checking", "acting", "waiting"]

BEAT = 1.0
"""Seconds between heartbeats."""
_LARGEST_RESULT = 64 * 1024
_RECORDED_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a wait is. Moments are seconds since the epoch, so that another worker can go on."""

    since: float
    asked: int = 0
    holds_since: float | None = None
    last: str = ""
    """What was seen or went wrong last, in words."""


@dataclass(frozen=True, slots=True)
class Memory:
    seen: Seen | None = None
    acted: bool = False
    """The change was carried out and ended well; `result` is what it gave."""
    result: Json = None
    unharmed: int = 0
    """The attempt of this number ended, and nothing had been executed."""
    ended: bool = False
    """The change was carried out to its end, whatever that was, and must not be begun again."""
    undo: Json = None
    """The way back, as an `ActionReport` has it, from an action that knows it."""
    refused: int = 0
    """The attempt of this number was refused by its target, as all before it were: nothing is in doubt."""
    ends: Json = None
    """How it stands on each target: a list of `TargetEnd`s."""
    part: Json = None
    """What the action wants the next attempt to know."""


@dataclass(slots=True)
class Heart:
    """Beats while it is entered. `clean` takes secrets out of what is told."""

    clean: Callable[[Json], Json]
    memory: Memory = field(default_factory=Memory)
    progress: Progress = field(default_factory=lambda: Progress("checking"))
    _beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.tell()
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._beating is not None
        self._beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._beating

    def begin(self, phase: Phase) -> None:
        """The phase of the first beat, where that is not `checking`."""
        self.progress = Progress(phase)

    def enter(self, phase: Phase) -> None:
        self.progress = Progress(phase)
        self.tell()

    def note(self, text: str) -> None:
        """Safe to call from any thread, and cheap: the next beat takes it along."""
        self.progress = replace(self.progress, note=text)

    def way_back(self, undo: Call) -> None:
        """Goes on record with the next beat that is waited for."""
        self.memory = replace(self.memory, undo=asdict(undo))

    def remember(self, seen: Seen) -> None:
        self.memory = replace(self.memory, seen=seen)

    def acted(self, result: Json) -> None:
        """From here on the change is in place as far as its target said, and only needs to be confirmed.

        A large result is not carried in every heartbeat; if this worker is lost, its change is in doubt
        unless its target still has the result.
        """
        small = len(json.dumps(result, default=str)) <= _LARGEST_RESULT
        held = Memory(undo=self.memory.undo, ended=True)
        self.memory = replace(held, acted=True, result=result) if small else held

    def ended(self) -> None:
        """It was carried out to its end, whatever that was."""
        self.memory = Memory(undo=self.memory.undo, ended=True)

    def refused(self) -> None:
        """Its target has refused it, and no earlier attempt is in doubt. Told at once, for this one ends."""
        self.memory = replace(self.memory, refused=activity.info().attempt)
        self.tell()

    def stands(self, ends: Json, part: Json) -> None:
        """How it stands on each target; the next beat takes it along."""
        self.memory = replace(self.memory, ends=ends, part=part)

    def unharmed(self) -> None:
        """Nothing was executed, so another attempt may begin anew. Told at once, for this one ends now."""
        self.memory = Memory(unharmed=activity.info().attempt)
        self.enter("checking")

    async def record(self, phase: Phase) -> None:
        """Enter `phase`, and come back when Temporal has it. Raises EngineUnavailable when it does not take
        it, CancelledError when it says that somebody wants this cancelled."""
        self.enter(phase)
        try:
            client = activity.client()
        except RuntimeError:
            return  # not in a worker, so there is nobody to put it on record
        handle = client.get_async_activity_handle(task_token=activity.info().task_token)
        try:
            await handle.heartbeat(*self._details(), rpc_timeout=_RECORDED_WITHIN)
        except AsyncActivityCancelledError:
            # The worker is about to hear it too, and cancels this task then in the way Temporal expects.
            await activity.wait_for_cancelled()
            raise asyncio.CancelledError from None
        except RPCError as error:
            reason = f"Temporal did not take the record of it ({error.status.name.lower()})"
            raise EngineUnavailable(f"nothing was executed: {reason}") from None

    async def remembered(self) -> bool:
        """Put what is remembered on record, and tell whether Temporal has it."""
        self.tell()
        try:
            handle = activity.client().get_async_activity_handle(task_token=activity.info().task_token)
            await handle.heartbeat(*self._details(), rpc_timeout=_RECORDED_WITHIN)
        except RPCError:
            return False
        except (RuntimeError, AsyncActivityCancelledError):
            pass  # not in a worker; or it took it, and somebody wants this cancelled
        return True

    def tell(self) -> None:
        activity.heartbeat(*self._details())

    def _details(self) -> tuple[Progress, Json]:
        note = self.clean(self.progress.note).encode(errors="replace").decode()
        memory = {**asdict(self.memory), "heard": round(time.time(), 3)}
        return replace(self.progress, note=note), self.clean(memory)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self.tell()


def recalled() -> Memory:
    """The memory of the attempt before, as far as it arrived; empty in a first attempt."""
    details = activity.info().heartbeat_details
    if len(details) < 2 or not isinstance(details[1], Mapping):
        return Memory()
    # A worker of another version may have written it.
    held = details[1]
    seen = held.get("seen")
    return Memory(
        seen=Seen(**{name: seen[name] for name in Seen.__slots__ if name in seen}) if seen else None,
        acted=held.get("acted", False),
        result=held.get("result"),
        unharmed=held.get("unharmed", 0),
        ended=held.get("ended", False),
        undo=held.get("undo"),
        refused=held.get("refused", 0),
        ends=held.get("ends"),
        part=held.get("part"),
    )
