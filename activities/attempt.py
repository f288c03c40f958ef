"""One attempt of an activity at one task: check, act, wait.

What holds, whatever the action is:

1. A change is executed at most once by one activity. A later attempt executes it only when the attempt
   before it has told that nothing was executed. That a change begins is on record before it does.
2. From the moment a change is told to act, anything but a clear answer is `OutcomeUnknown`.
3. What `done` shows to be in place is not executed.
4. No secret leaves in a result, an error, a heartbeat, a log or what is kept.
5. What is to be kept is kept whenever the action gave a result, a failure too, and changes nothing else.
"""

from __future__ import annotations

import asyncio
import math
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace

from temporalio import activity

from activities.action import Action, Context
from activities.heart import Heart, Memory, Seen, recalled
from activities.keeping import Keeper
from activities.parameters import Parameters
from activities.polling import look, wait_until
from stanch.contract import ActionReport, ActionTask, Kept, TargetEnd
from stanch.errors import (
    ActionRefused,
    AuthorError,
    EngineUnavailable,
    InvalidInput,
    OutcomeUnknown,
    StanchError,
    Unreachable,
)
from stanch.language.duration import format_duration
from stanch.language.plan import Call, Check, Json
from stanch.secrets import redact, resolve

GRACE = 5.0
"""Seconds beyond its time-out that an action gets to give up by itself, which tells more than a cut."""


@dataclass(frozen=True, slots=True)
class Known:
    """An action as the worker knows it; `timeout` is the default of its schema."""

    action: Action
    parameters: Parameters
    timeout: float


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call with its parameters checked and its secrets resolved."""

    action: Action
    params: Mapping[str, Json]
    one: bool
    timeout: float


class Attempt:
    """One attempt at one task."""

    def __init__(self, task: ActionTask, registry: Mapping[str, Known], keeper: Keeper) -> None:
        self.kept: tuple[Kept, ...] = ()
        """What was kept by an attempt that ended as an error; else the report has it."""
        self._began = time.monotonic()
        self._task = task
        self._registry = registry
        self._keeper = keeper
        self._own: _Ready | None = None
        """The task's own call, not that of its `done`."""
        self._result: Json = None
        """What that gave last; None as long as it gave nothing."""
        self._secrets: list[str] = []
        self._ends: tuple[TargetEnd, ...] = ()
        """How its action ended on each target, if that could be told."""
        self._heart = Heart(self.clean)

    def clean(self, value: Json) -> Json:
        return redact(value, self._secrets)

    def cleaned(self, ends: tuple[TargetEnd, ...]) -> tuple[TargetEnd, ...]:
        return tuple(replace(end, note=self.clean(end.note)) for end in ends)

    def unexpected(self, error: Exception) -> str:
        """Log a bug with its traceback; what to say of it in one line."""
        trace = self.clean("".join(traceback.format_exception(error)))
        activity.logger.error("unexpected error in `%s`\n%s", self._task.call.action, trace)
        said = self.clean(str(error)).partition("\n")[0]
        name = type(error).__name__
        return f"`{self._task.call.action}` met an error that is a bug of Stanch: {name}: {said}"

    async def run(self) -> ActionReport:
        task = self._task
        if task.poll is not None and task.effect == "change":
            raise InvalidInput(f"step `{task.step}`: a change cannot be repeated until something holds")
        call = self._own = self._ready(task.call)
        done = self._ready(task.done.call) if task.done is not None else None
        before = recalled()
        if task.effect == "change":
            self._refuse_to_repeat(before)
        self._heart.memory = before
        async with self._heart:
            try:
                report = await self._carry_out(call, done, before)
            except StanchError:
                self.kept = await self._keep()
                raise
            return replace(report, kept=await self._keep())

    async def _carry_out(self, call: _Ready, done: _Ready | None, before: Memory) -> ActionReport:
        task = self._task
        if task.poll is not None:
            return ActionReport(await self._wait(Check(task.call, task.poll), call, before.seen))
        if task.effect == "read":
            return ActionReport(self._judged(call, await self._ask(call, call.timeout)))
        if before.acted:
            self._result = before.result
            return await self._finish(before.result, done, before)
        return await self._change(call, done)

    async def _keep(self) -> tuple[Kept, ...]:
        if self._result is None or not self._task.keep:
            return ()
        return await self._keeper.keep(self._task, self._result, self.clean, self._left())

    def _left(self) -> float:
        """Seconds that Temporal still waits for this attempt."""
        limit = activity.info().start_to_close_timeout
        return limit.total_seconds() - (time.monotonic() - self._began) if limit else math.inf

    def _ready(self, call: Call) -> _Ready:
        known = self._registry.get(call.action)
        if known is None:
            here = ", ".join(f"`{name}`" for name in sorted(self._registry))
            raise InvalidInput(f"this worker has no action `{call.action}`; it has {here}")
        known.parameters.check(call.params)
        params, secrets = resolve(call.params)
        self._secrets.extend(secrets)
        # A step's time-out is about its own action: another one that its `done` asks has its usual time.
        own = call.action == self._task.call.action
        return _Ready(known.action, params, call.one, self._task.timeout if own else known.timeout)

    def _refuse_to_repeat(self, before: Memory) -> None:
        """Rule 1. Heartbeats may be lost, so a memory that says nothing is no leave to execute again."""
        attempt = activity.info().attempt
        if attempt > 1 and not before.acted and before.unharmed != attempt - 1:
            raise OutcomeUnknown(
                f"the worker that carried out `{self._task.step}` was lost; it may have executed the change"
            )

    # --- reading ------------------------------------------------------------------------------------------

    async def _ask(self, call: _Ready, budget: float) -> Json:
        """One read. Nothing can be in doubt about it, so no answer is simply no answer."""
        seconds = min(call.timeout, budget)
        context = Context(key="", timeout=seconds, one=call.one, beat=self._heart.note)
        try:
            async with asyncio.timeout(seconds + GRACE):
                result = self.clean(await call.action.perform(call.params, context))
        except TimeoutError:
            reason = f"`{call.action.name}` did not end within {format_duration(seconds)}"
        except OutcomeUnknown as error:
            reason = str(error)
        else:
            if call is self._own:
                self._result = result
            return result
        raise Unreachable(reason)

    async def _wait(self, check: Check, call: _Ready, seen: Seen | None) -> Json:
        """Ask until the check holds. Raises ActionRefused at the end of its time."""
        self._heart.enter("waiting")
        return await wait_until(
            check.poll,
            lambda budget: self._ask(call, budget),
            self._task.scope,
            seen or Seen(since=_first_attempt()),
            self._heart.remember,
        )

    def _judged(self, call: _Ready, result: Json) -> Json:
        if (text := call.action.failure(result)) is not None:
            raise ActionRefused(text)
        return result

    # --- changing -----------------------------------------------------------------------------------------

    async def _change(self, call: _Ready, done: _Ready | None) -> ActionReport:
        try:
            if done is not None and (already := await self._already(done)) is not None:
                return already
            await self._heart.record("acting")
        except asyncio.CancelledError:
            self._heart.unharmed()
            if _was_asked_to_stop():
                # A plain cancellation would not say that it came in time.
                raise ActionRefused("it was cancelled before anything was executed") from None
            raise
        except EngineUnavailable:
            # If it is only the worker or its connection that ends, another attempt may begin anew.
            self._heart.unharmed()
            raise
        result = await self._act(call)
        self._heart.acted(result)
        return await self._finish(result, done, Memory())

    async def _already(self, done: _Ready) -> ActionReport | None:
        """Rule 3. A question without an answer is answered by no; an error of its author is raised."""
        task = self._task
        assert task.done is not None
        held, result, _ = await look(
            task.done.poll.until, lambda budget: self._ask(done, budget), task.scope, done.timeout
        )
        return ActionReport(result, already=True) if held else None

    async def _finish(self, result: Json, done: _Ready | None, before: Memory) -> ActionReport:
        """The change was executed: confirm it where there is a way to."""
        if self._task.done is not None and done is not None:
            await self._confirm(self._task.done, done, before.seen)
        return ActionReport(result)

    async def _act(self, call: _Ready) -> Json:
        """Execute the change, once. Raises what rule 2 allows."""
        task = self._task
        context = Context(
            key=task.key, timeout=task.timeout, one=call.one, beat=self._heart.note, ended=self._take_ends
        )
        try:
            async with asyncio.timeout(task.timeout + GRACE):
                self._result = self.clean(await call.action.perform(call.params, context))
            return self._judged(call, self._result)
        except Unreachable:
            self._heart.unharmed()
            raise
        except (ActionRefused, AuthorError, OutcomeUnknown):
            raise
        except TimeoutError:
            reason = f"it did not end within {format_duration(task.timeout)}"
        except asyncio.CancelledError:
            if _was_asked_to_stop():
                raise self._stopped() from None
            reason = "the worker was shut down"
        except StanchError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 (rule 2 holds for bugs too)
            reason = self.unexpected(error)
        text = f"`{call.action.name}` was told to act, and its end is not known: {reason}"
        raise OutcomeUnknown(text, ends=self._ends)

    def _take_ends(self, ends: tuple[TargetEnd, ...]) -> None:
        self._ends = ends

    def _stopped(self) -> StanchError:
        """It was cancelled while it was acting, and what is known of each target."""
        if self._ends and all(end.state == "not_started" for end in self._ends):
            return ActionRefused("it was cancelled before anything was executed", ends=self._ends)
        return OutcomeUnknown("it was cancelled while it was acting", ends=self._ends)

    async def _confirm(self, check: Check, done: _Ready, seen: Seen | None) -> None:
        what = f"`{self._task.call.action}` was executed and ended well"
        failed: StanchError
        try:
            await self._wait(check, done, seen or Seen(since=time.time()))
        except ActionRefused as error:
            failed = ActionRefused(f"{what}, but `done` is not true: {error}")
        except AuthorError as error:
            failed = OutcomeUnknown(f"{what}, but `done` cannot be asked: {error}")
        except Exception as error:  # noqa: BLE001 (the change has happened: say so, whatever broke)
            failed = OutcomeUnknown(f"{what}, but asking `done` failed: {self.unexpected(error)}")
        else:
            return
        raise failed


def _first_attempt() -> float:
    """When the first attempt began, in epoch seconds, as nearly as this attempt can know it."""
    info = activity.info()
    return time.time() if info.attempt == 1 else info.scheduled_time.timestamp()


def _was_asked_to_stop() -> bool:
    """Somebody wants this cancelled; otherwise the worker is ending, or Temporal has given the attempt up."""
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested
