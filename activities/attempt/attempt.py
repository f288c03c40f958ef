"""One attempt of an activity at one task: check, act, wait.

What holds, whatever the action is:

1. A change is executed at most once by one activity. A later attempt executes it only when the attempt
   before it has told that nothing was executed, when its target knows by the key what was (`Reattaching`), or
   when its step lets it (`ActionTask.again`): twice is the same as once, or `done` says that it is not there.
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
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace

from temporalio import activity

from activities.action import Action, Context, Knowing, Reattaching, Standing, Telling
from activities.attempt.heart import Heart, Memory, Seen, recalled
from activities.attempt.keeping import Keeper, Wholes
from activities.attempt.parameters import Parameters
from activities.attempt.polling import look, wait_until
from activities.attempt.reattaching import is_tried_again, let_go, may_have_acted, reattaching, was_begun
from activities.attempt.repeating import fits, follows, later, told_of
from activities.attempt.room import refuse_too_large, texts_within, without_data
from activities.secrets import Secrets
from stanch.contract import ActionReport, ActionTask, Kept, TargetEnd
from stanch.errors import (
    ActionRefused,
    AuthorError,
    DoesNotHold,
    EngineUnavailable,
    InvalidInput,
    OutcomeUnknown,
    OutsideError,
    StanchError,
    Unreachable,
)
from stanch.language.duration import format_duration
from stanch.language.plan import Call, Check, Json, Poll
from stanch.secrets import redact

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

    @property
    def knowing(self) -> Knowing | None:
        return self.action if isinstance(self.action, Knowing) else None


class Attempt:
    """One attempt at one task."""

    def __init__(
        self, task: ActionTask, registry: Mapping[str, Known], keeper: Keeper, store: Secrets
    ) -> None:
        self.kept: tuple[Kept, ...] = ()
        """What was kept by an attempt that ended as an error; else the report has it."""
        self._began = time.monotonic()
        self._task = task
        self._registry = registry
        self._keeper = keeper
        self._store = store
        self._own: _Ready | None = None
        """The task's own call, not that of its `done`."""
        self._result: Json = None
        """What that gave last; None as long as it gave nothing."""
        self._secrets: list[str] = []
        self.postponed: float | None = None
        """Its target could not answer just now, and wants to be asked again after so many seconds."""
        self._answered = False
        """It was clearly refused, and no attempt would change that."""
        self.ran = False
        """The change was executed, on some of its targets or on all, and has failed all the same."""
        self._certain = False
        """All attempts before this one were refused by the target."""
        self._ends: tuple[TargetEnd, ...] = ()
        """How its action ended on each target, if that could be told."""
        self._wholes = Wholes()
        self._heart = Heart(self.clean)

    def clean(self, value: Json) -> Json:
        return redact(value, self._secrets)

    @property
    def way_back(self) -> Call | None:
        """From an action that knows it, as soon as it was read."""
        undo = self._heart.memory.undo
        return Call(**undo) if undo is not None else None

    def cleaned(self, ends: tuple[TargetEnd, ...]) -> tuple[TargetEnd, ...]:
        return tuple(replace(end, note=self.clean(end.note), output=self.clean(end.output)) for end in ends)

    def is_followed(self, error: StanchError) -> bool:
        """Whether another attempt may follow this one, which ended with `error`."""
        if self._answered or _was_asked_to_stop():
            return False
        if isinstance(error, OutcomeUnknown) and self._own and isinstance(self._own.action, Telling):
            return False
        if self._task.effect == "change" and self._own is not None and self._own.reattaching is not None:
            return False
        return follows(self._task, error, postponed=self.postponed is not None)

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
        before = recalled()
        again = task.effect == "change" and may_have_acted(before)
        self._heart.memory = before
        if again:
            # Should this worker be lost too, nobody may take it for one that had only asked.
            self._heart.begin("acting")
        async with self._heart:
            call, done = await self._prepare(touched=again or before.acted)
            if again and call.reattaching is None and task.again == "never":
                raise OutcomeUnknown(f"{self._lost()}; it may have executed the change")
            try:
                report = self._within(await self._carry_out(call, done, before, again=again))
            except StanchError:
                self._heart.tell()
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
        if task.look:
            return ActionReport(await self._in_place(call, before.seen))
        if task.poll is not None:
            return ActionReport(await self._wait(Check(task.call, task.poll), call, before.seen))
        if task.effect == "read":
            return await self._read(call, before)
        if before.acted:
            self._result = before.result
            return await self._finish(done, before)
        if again and call.reattaching is None:
            return await self._repeat(call, done, before)
        if again and (before.ended or await self._was_begun(call)):
            await self._act(call, again=True, ended=before.ended)
            return await self._finish(done, Memory())
        if again:
            return await self._change_late(call, done)
        self._heart.enter("checking")
        return await self._change(call, done)

    def _within(self, report: ActionReport) -> ActionReport:
        """What the history has room for. Raises ActionRefused for a read whose data is more."""
        task = self._task
        result, wholes = texts_within(report.result, task.room)
        for name, text in wholes.items():
            self._wholes.take(name, text, cut=False)
        if task.effect == "change":
            return replace(report, result=without_data(result, task.room))
        refuse_too_large(task.call.action, result, task.room)
        return replace(report, result=result)

    async def _keep(self) -> tuple[Kept, ...]:
        # Without a result there is nothing to keep of it; what was printed may be all that is known.
        task = self._task if self._result is not None else replace(self._task, keep={})
        if not (task.keep or self._wholes.held):
            return ()
        return await self._keeper.keep(task, self._result, self.clean, self._left(), self._wholes.held)

    def _left(self) -> float:
        """Seconds that Temporal still waits for this attempt."""
        limit = activity.info().start_to_close_timeout
        return limit.total_seconds() - (time.monotonic() - self._began) if limit else math.inf

    async def _prepare(self, *, touched: bool) -> tuple[_Ready, _Ready | None]:
        """The call and that of its `done`. `touched`: an earlier attempt has executed the change, or may
        have, so that what goes wrong here does not mean that nothing was."""
        task = self._task
        try:
            call = self._own = await self._ready(task.call)
            return call, await self._ready(task.done.call) if task.done is not None else None
        except asyncio.CancelledError:
            if task.effect == "change" and not touched:
                self._heart.unharmed()
            if task.effect == "read" or not _was_asked_to_stop():
                raise
            failed: StanchError = ActionRefused("it was cancelled before anything was executed")
            if touched:
                failed = OutcomeUnknown(f"{self._lost()}; it was cancelled before its end was known")
        except StanchError as error:
            if task.effect == "change" and not touched:
                self._heart.unharmed()
            if not touched or (isinstance(error, Unreachable) and await is_tried_again()):
                raise
            failed = OutcomeUnknown(f"{self._lost()}, and how it ended cannot be found out: {error}")
        raise failed

    async def _ready(self, call: Call) -> _Ready:
        known = self._registry.get(call.action)
        if known is None:
            here = ", ".join(f"`{name}`" for name in sorted(self._registry))
            raise InvalidInput(f"this worker has no action `{call.action}`; it has {here}")
        known.parameters.check(call.params)
        params, secrets = await self._store.resolve(call.params)
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
        context = Context(
            key="", timeout=seconds, one=call.one, beat=self._heart.note, hide=self._secrets.extend
        )
        if call is self._own:
            self._wholes.forget()
            context = replace(context, whole=self._wholes.take)
        if isinstance(call.action, Telling):
            context = replace(context, key=self._task.key, drill=self._task.drill)
        try:
            async with asyncio.timeout(seconds + GRACE):
                result = self.clean(await call.action.perform(call.params, context))
        except TimeoutError:
            reason = f"`{call.action.name}` did not end within {format_duration(seconds)}"
        except OutcomeUnknown as error:
            reason = str(error)
        else:
            if call is self._own:
                self._result, self.postponed = result, later(call.action, result)
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
            lambda result: later(call.action, result) is None,
        )

    async def _look(self, action: Knowing, call: _Ready, budget: float) -> Standing:
        """One look of an action that knows. Nothing is in doubt about it. Raises as `_ask` does."""
        seconds = min(call.timeout, budget)
        key, hide = self._task.key, self._secrets.extend
        context = Context(key=key, timeout=seconds, one=call.one, beat=self._heart.note, hide=hide)
        try:
            async with asyncio.timeout(seconds + GRACE):
                standing = await action.look(call.params, context)
        except TimeoutError:
            reason = f"`{call.action.name}` could not look within {format_duration(seconds)}"
            raise Unreachable(reason) from None
        return replace(standing, result=self.clean(standing.result))

    def _back(self, differ: Mapping[str, Json]) -> Call | None:
        """The task's own call with the parameters that differ: secrets in it are references still. None where
        what was there has a secret in it: it may not be kept, and something else would come back without."""
        if self.clean(dict(differ)) != dict(differ):
            return None
        params = {**self._task.call.params, **differ}
        left = {name: held for name, held in params.items() if name not in differ or held is not None}
        return replace(self._task.call, params=left)

    async def _in_place(self, call: _Ready, seen: Seen | None) -> Json:
        """Wait until the action says that its change is in place. Raises ActionRefused."""
        knowing = call.knowing
        if knowing is None:
            raise InvalidInput(f"`{call.action.name}` cannot tell whether its change is in place")
        result: Json = None

        async def ask(budget: float) -> Json:
            nonlocal result
            standing = await self._look(knowing, call, budget)
            result = standing.result
            return {"in_place": standing.done}

        self._heart.enter("waiting")
        poll = Poll("result.in_place", within=call.timeout, every=1.0)
        await wait_until(poll, ask, {}, seen or Seen(since=_first_attempt()), self._heart.remember)
        return result

    def _judged(self, call: _Ready, result: Json) -> Json:
        if (text := call.action.failure(result)) is not None:
            raise ActionRefused(text)
        return result

    async def _read(self, call: _Ready, before: Memory) -> ActionReport:
        """Read, or tell people. What may have been told is not told again, unless who is told would know."""
        if not isinstance(call.action, Telling) or call.action.knows_again(call.params):
            return ActionReport(self._judged(call, await self._ask(call, call.timeout)))
        if may_have_acted(before):
            raise OutcomeUnknown(f"{self._lost()}; it may have told it, and does not tell it twice")
        try:
            await self._heart.record("acting")
        except EngineUnavailable:
            self._heart.unharmed()
            raise
        await self._act(call)
        return ActionReport(self._result)

    # --- changing -----------------------------------------------------------------------------------------

    async def _change(self, call: _Ready, done: _Ready | None) -> ActionReport:
        try:
            if done is not None and (already := await self._already(done)) is not None:
                return already
            if call.knowing is not None:
                standing = await self._look(call.knowing, call, call.timeout)
                if standing.done:
                    return ActionReport(standing.result, already=True)
                if standing.back is not None and (back := self._back(standing.back)) is not None:
                    self._heart.way_back(back)
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

    async def _change_late(self, call: _Ready, done: _Ready | None) -> ActionReport:
        """The change that an earlier attempt had not begun when its target was asked. That attempt may only
        be slow, and begin it yet: nothing that happens here shows that nothing was executed."""
        try:
            if done is not None and (already := await self._already(done)) is not None:
                return replace(already, found=await self._was_begun(call))
            await self._heart.record("acting")
        except asyncio.CancelledError:
            if _was_asked_to_stop():
                raise OutcomeUnknown(f"{self._lost()}; it was cancelled before its end was known") from None
            raise
        except EngineUnavailable as error:
            if await is_tried_again():
                raise
            raise OutcomeUnknown(f"{self._lost()}, and may have executed it; {error}") from None
        await self._act(call, again=True)
        return await self._finish(done, Memory())

    async def _already(self, done: _Ready) -> ActionReport | None:
        """Rule 3. A question without an answer is answered by no; an error of its author is raised."""
        task = self._task
        assert task.done is not None
        if task.done.after_only:
            return None
        held, result, *_ = await look(
            task.done.poll.until, lambda budget: self._ask(done, budget), task.scope, done.timeout
        )
        return ActionReport(result, already=True) if held else None

    async def _repeat(self, call: _Ready, done: _Ready | None, before: Memory) -> ActionReport:
        """Execute the change though an earlier attempt may have done so, if `done` does not show it. What
        this attempt does not settle stays unknown."""
        if (found := await self._found(done, before)) is not None:
            return found
        self._heart.memory = replace(self._heart.memory, seen=None)
        self._heart.enter("acting")
        self._certain = before.refused == activity.info().attempt - 1
        try:
            await self._act(call, again=True)
        except (ActionRefused, AuthorError) as error:
            if self._certain:
                raise
            self._answered = self.postponed is None
            text = f"an earlier attempt may have executed it, and a further one was refused: {error}"
            raise OutcomeUnknown(text, ends=error.ends) from None
        return await self._finish(done, Memory())

    async def _found(self, done: _Ready | None, before: Memory) -> ActionReport | None:
        """What an earlier attempt has made is in place. Raises OutcomeUnknown where that has to be known and
        cannot be told."""
        task = self._task
        if task.done is None or done is None:
            return None
        if task.again == "always":
            already = await self._already(done)
            return already and replace(already, found=True)
        try:
            result = await self._wait(task.done, done, before.seen or Seen(since=time.time()))
        except DoesNotHold:
            return None
        except OutsideError as error:
            text = f"an earlier attempt may have executed it, and `done` does not settle that: {error}"
            raise OutcomeUnknown(text) from None
        return ActionReport(result, already=True, found=True)

    async def _finish(self, done: _Ready | None, before: Memory) -> ActionReport:
        """The change was executed: confirm it where there is a way to."""
        if self._task.done is not None and done is not None:
            await self._confirm(self._task.done, self._wait(self._task.done, done, _seen(before)))
        elif self._own is not None and self._own.knowing is not None:
            await self._confirm(None, self._in_place(self._own, _seen(before)))
        return ActionReport(self._result, undo=self.way_back)

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
            so_far=self._take_so_far,
            earlier=self._heart.memory.part if self._task.again == "always" else None,
            hide=self._secrets.extend,
            leave=self._leaves,
            drill=self._task.drill,
            whole=self._wholes.take,
            again=again and call.reattaching is not None,
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
            self.postponed = later(call.action, self._result)
            self._heart.ended()
            if self.postponed is not None and (self._certain or not again):
                self._heart.refused()
            self._heart.acted(self._judged(call, self._result))
        except Unreachable as error:
            if not again:
                self._heart.unharmed()
                raise
            reason = str(error)
        except (ActionRefused, AuthorError, OutcomeUnknown) as error:
            self.ran = _was_made(call.action, self._result, error.ends)
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

    def _take_so_far(self, ends: tuple[TargetEnd, ...], part: Json) -> None:
        self._heart.stands(told_of(ends), part if fits(part) else None)

    def _take_ends(self, ends: tuple[TargetEnd, ...]) -> None:
        self._ends = ends

    def _stopped(self) -> StanchError | None:
        """It was cancelled while it was acting, and what is known of each target. None: not by anybody."""
        if not _was_asked_to_stop():
            return None
        if self._ends and all(end.state == "not_started" for end in self._ends):
            return ActionRefused("it was cancelled before anything was executed", ends=self._ends)
        return OutcomeUnknown("it was cancelled while it was acting", ends=self._ends)

    async def _confirm(self, check: Check | None, waiting: Awaitable[Json]) -> None:
        what = f"`{self._task.call.action}` was executed and ended well"
        asked = check is not None and not check.after_only
        not_so = "`done` is not true" if asked else "what it should bring about is not there"
        try:
            await waiting
        except DoesNotHold as error:
            self.ran = True
            failed: StanchError = ActionRefused(f"{what}, but {not_so}: {error}")
        except ActionRefused as error:
            # The target did not say no, so what was executed may well be there.
            failed = OutcomeUnknown(f"{what}, and nothing shows whether it is in place: {error}")
        except AuthorError as error:
            failed = OutcomeUnknown(f"{what}, but `done` cannot be asked: {error}")
        except Exception as error:  # noqa: BLE001 (the change has happened: say so, whatever broke)
            failed = OutcomeUnknown(f"{what}, but asking `done` failed: {self.unexpected(error)}")
        except asyncio.CancelledError:
            if not _was_asked_to_stop():
                raise  # the next attempt goes on waiting
            self.ran = True
            failed = ActionRefused(f"{what}; it was cancelled before anything showed that it is in place")
        else:
            return
        raise failed


def _was_made(action: Action, result: Json, ends: tuple[TargetEnd, ...]) -> bool:
    """Whether the change was made on a target at least, though the whole is a failure."""
    if any(end.state != "not_started" for end in ends):
        return True
    if isinstance(result, list):
        return any(action.failure(each) is None for each in result)
    return isinstance(result, dict) and result.get("changed") is True


def _seen(before: Memory) -> Seen:
    """How far the waiting after a change is; it begins when the change has ended."""
    return before.seen or Seen(since=time.time())


def _first_attempt() -> float:
    """When the first attempt began, in epoch seconds, as nearly as this attempt can know it."""
    info = activity.info()
    return time.time() if info.attempt == 1 else info.scheduled_time.timestamp()


def _was_asked_to_stop() -> bool:
    """Somebody wants this cancelled; otherwise the worker is ending, or Temporal has given the attempt up."""
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested
