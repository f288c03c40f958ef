"""One attempt of an activity at one task: check, act, wait.

What holds, whatever the action is:

1. A change is executed at most once by one activity. A later attempt executes it only when the attempt
   before it has told that nothing was executed, or when its target knows by the key what was (`Reattaching`).
   That a change begins is on record before it does; that it has ended, before its target forgets it.
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

from activities.action import Action, Context, Reattaching
from activities.heart import Heart, Memory, Seen, recalled
from activities.keeping import Keeper
from activities.parameters import Parameters
from activities.polling import look, wait_until
from activities.reattaching import is_tried_again, let_go, may_have_acted, reattaching, was_begun
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

    @property
    def reattaching(self) -> Reattaching | None:
        return reattaching(self.action, self.params)


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
        again = task.effect == "change" and may_have_acted(before)
        if again and call.reattaching is None:
            raise OutcomeUnknown(f"{self._lost()}; it may have executed the change")
        self._heart.memory = before
        if again:
            # Should this worker be lost too, nobody may take it for one that had only asked.
            self._heart.begin("acting")
        async with self._heart:
            try:
                report = await self._carry_out(call, done, before, again=again)
            except StanchError:
                self.kept = await self._keep()
                await self._let_go(call)
                raise
            report = replace(report, kept=await self._keep())
            await self._let_go(call)
            return report

    async def _carry_out(
        self, call: _Ready, done: _Ready | None, before: Memory, *, again: bool
    ) -> ActionReport:
        task = self._task
        if task.poll is not None:
            return ActionReport(await self._wait(Check(task.call, task.poll), call, before.seen))
        if task.effect == "read":
            return ActionReport(self._judged(call, await self._ask(call, call.timeout)))
        if before.acted:
            self._result = before.result
            return await self._finish(done, before)
        if again and (before.ended or await self._was_begun(call)):
            await self._act(call, again=True, ended=before.ended)
            return await self._finish(done, Memory())
        self._heart.enter("checking")
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

    def _lost(self) -> str:
        return f"the worker that carried out `{self._task.step}` was lost"

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
        await self._act(call)
        return await self._finish(done, Memory())

    async def _already(self, done: _Ready) -> ActionReport | None:
        """Rule 3. A question without an answer is answered by no; an error of its author is raised."""
        task = self._task
        assert task.done is not None
        held, result, _ = await look(
            task.done.poll.until, lambda budget: self._ask(done, budget), task.scope, done.timeout
        )
        return ActionReport(result, already=True) if held else None

    async def _finish(self, done: _Ready | None, before: Memory) -> ActionReport:
        """The change was executed: confirm it where there is a way to."""
        if self._task.done is not None and done is not None:
            await self._confirm(self._task.done, done, before.seen)
        return ActionReport(self._result)

    async def _was_begun(self, call: _Ready) -> bool:
        assert call.reattaching is not None
        try:
            return await was_begun(call.reattaching, call.params, self._context(call, self._task.timeout))
        except Unreachable as error:
            text = f"{self._lost()}, and how it ended cannot be collected: {error}"
        except asyncio.CancelledError:
            if not _was_asked_to_stop():
                raise
            text = f"{self._lost()}; it was cancelled before its end was known"
        raise OutcomeUnknown(text)

    def _context(self, call: _Ready, timeout: float, *, again: bool = False, ended: bool = False) -> Context:
        return Context(
            key=self._task.key,
            timeout=timeout,
            one=call.one,
            beat=self._heart.note,
            ended=self._take_ends,
            leave=self._leaves,
            again=again,
            ended_before=ended,
        )

    async def _act(self, call: _Ready, *, again: bool = False, ended: bool = False) -> None:
        """Execute the change, once. Raises what rule 2 allows."""
        task = self._task
        limit = max(1.0, min(task.timeout, self._left() - GRACE)) if again else task.timeout
        context = self._context(call, limit, again=again, ended=ended)
        try:
            async with asyncio.timeout(limit + GRACE):
                self._result = self.clean(await call.action.perform(call.params, context))
            self._heart.ended()
            self._heart.acted(self._judged(call, self._result))
        except Unreachable as error:
            if not again:
                self._heart.unharmed()
                raise
            reason = str(error)
        except (ActionRefused, AuthorError, OutcomeUnknown):
            raise
        except TimeoutError:
            reason = f"it did not end within {format_duration(limit)}"
        except asyncio.CancelledError:
            if await self._leaves():
                raise  # the next attempt finds it
            if (stopped := self._stopped()) is not None:
                raise stopped from None
            reason = "the worker was shut down"
        except StanchError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 (rule 2 holds for bugs too)
            reason = self.unexpected(error)
        else:
            return
        text = f"`{call.action.name}` was told to act, and its end is not known: {reason}"
        raise OutcomeUnknown(text, ends=self._ends)

    async def _let_go(self, call: _Ready) -> None:
        """Have the target forget an execution that has ended, once that is on record."""
        if call.reattaching is None or not self._heart.memory.ended:
            return
        if await self._heart.remembered():
            context = replace(self._context(call, GRACE), others=activity.info().attempt > 1)
            if (error := await let_go(call.reattaching, call.params, context)) is not None:
                activity.logger.warning("what `%s` left stays: %s", self._task.step, self.clean(error))

    async def _leaves(self) -> bool:
        """Nobody wants the change stopped, and another attempt will find it."""
        found = self._own is not None and self._own.reattaching is not None
        return found and not _was_asked_to_stop() and await is_tried_again()

    def _take_ends(self, ends: tuple[TargetEnd, ...]) -> None:
        self._ends = ends

    def _stopped(self) -> StanchError | None:
        """It was cancelled while it was acting, and what is known of each target. None: not by anybody."""
        if not _was_asked_to_stop():
            return None
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
