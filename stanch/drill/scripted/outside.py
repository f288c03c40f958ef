"""The outside world of a rehearsal: how an action ends, and when, as its script says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from stanch.conductor.commands import RunAction
from stanch.contract import ActionTask, Kept
from stanch.drill.scripted.failure import failure_of
from stanch.drill.scripted.given import NOTHING, Look, Take
from stanch.drill.scripted.knowing import IN_PLACE, asking, says_in_place, way_back, without_word
from stanch.drill.scripted.needs import Need, need, needs_result, result_readers
from stanch.drill.scripted.results import result_of
from stanch.drill.scripted.script import Part, Script, Spot
from stanch.drill.scripted.watch import Seen, Watched, judge, watch
from stanch.errors import EvaluationError
from stanch.language.catalogue import Catalogue
from stanch.language.duration import format_duration
from stanch.language.evaluate import evaluate
from stanch.language.plan import Call, Check, Step

BACKOFF = 2.0
"""By how much Temporal lengthens the pause between two tries."""


@dataclass(frozen=True, slots=True)
class End:
    """How an action ends, so many seconds after it was begun."""

    seconds: float
    kind: Literal["succeeded", "failed", "lost"]
    seen: Seen
    """Its result, or why there is none."""
    already: bool = False
    kept: tuple[Kept, ...] = ()
    acts: float | None = None
    """From when on it cannot be said any more that nothing was executed; None if nothing is."""
    again: bool = False
    """It could not be reached, so it may be tried again."""
    says_no: bool = False
    """It was asked whether something holds, and the last answer was a plain no."""
    undo: Call | None = None
    """The way back that the action itself tells."""


class Outside:
    def __init__(self, script: Script, catalogue: Catalogue) -> None:
        self._script = script
        self._catalogue = catalogue

    def acted(self, command: RunAction, step: Step, spot: Spot) -> End:
        """The end of a step's own action."""
        task = command.task
        if task.poll is not None:
            end = _end_of(watch(task.poll, task.scope, lambda: self._own_look(task, step, spot)))
        else:
            end = self._tried(command, step, spot)
        return replace(end, kept=_kept(task, end.seen))

    def checked(self, task: ActionTask, spot: Spot, part: Part) -> End:
        """The end of asking whether a change is in place (`done`) or helped (`verify`)."""
        if task.look:
            return _end_of(self._in_place(task, spot))
        assert task.poll is not None
        return _end_of(self._watched(Check(task.call, task.poll), task, spot, part))

    def undone(self, task: ActionTask, spot: Spot) -> End:
        """The end of a way back, which succeeds unless the script says something else."""
        look, _ = self._script.look(spot, "undo")
        return self._executed(task, look or NOTHING)

    # --- a step's own action ------------------------------------------------------------------------------

    def _tried(self, command: RunAction, step: Step, spot: Spot) -> End:
        """Once, and as often again as is allowed while the target cannot be reached."""
        passed = 0.0
        for attempt in range(command.tries):
            take, _ = self._script.take(spot)
            end = self._once(command.task, step, spot, take or Take(NOTHING))
            end = _later(end, passed)
            if not end.again or end.seen.lack:
                break
            passed = end.seconds + command.every * BACKOFF**attempt
        return end

    def _once(self, task: ActionTask, step: Step, spot: Spot, take: Take) -> End:
        """A read; or a change, with what is asked before and after it."""
        lack = self._lack(task, step, spot, take)
        if task.effect == "read":
            seen = self._seen(task.call, task.timeout, take.look, lack)
            problem = seen.problem or ("" if lack else failure_of(task.call.action, seen.result) or "")
            kind: Literal["succeeded", "failed"] = "failed" if problem else "succeeded"
            again = take.look.end[0] == "unreachable" or take.look.takes > task.timeout
            return End(seen.seconds, kind, replace(seen, problem=problem), again=again)
        if task.call.knows and task.done is None:
            return self._known(task, spot, take, lack)
        passed = 0.0
        if task.done is not None and (take.already or take.before):
            before = self._before(task, task.done, spot, take)
            if before.already:
                return before
            passed = before.seconds
        if lack is not None:
            return End(passed, "failed", Seen(0.0, lack=lack))
        end = _later(self._executed(task, take.look), passed)
        if task.done is None or end.kind != "succeeded":
            return end
        waited = self._watched(task.done, task, spot, "done")
        end = replace(end, seconds=end.seconds + waited.seconds, seen=replace(end.seen, lack=waited.lack))
        if not waited.problem:
            return end
        said = f"`{task.call.action}` was executed and ended well, but `done` is not true: {waited.problem}"
        return replace(end, kind="failed", seen=replace(end.seen, problem=said))

    def _known(self, task: ActionTask, spot: Spot, take: Take, lack: Need | None) -> End:
        """A change by an action that looks by itself, before and after, and knows its way back."""
        before = take.before
        looked = before.takes if before is not None else 0.0
        if before is not None and before.end[0] is not None:
            again = before.end[0] == "unreachable"
            return End(looked, "failed", Seen(0.0, problem=before.end[1]), again=again)
        if lack is not None:
            return End(looked, "failed", Seen(0.0, lack=lack))
        if take.already or (before is not None and says_in_place(before, usual=False)):
            seen = self._seen(task.call, task.timeout, without_word(take.look))
            return End(looked + seen.seconds, "succeeded", seen, already=True)
        end = _later(self._executed(task, take.look), looked)
        undo = None if end.acts is None else way_back(task.call, before)
        if end.kind != "succeeded":
            return replace(end, undo=undo)
        waited = self._in_place(task, spot)
        end = replace(end, seconds=end.seconds + waited.seconds, undo=undo)
        if not waited.problem:
            return end
        said = f"`{task.call.action}` was executed and ended well, but what it should do is not in place"
        kind: Literal["failed", "lost"] = "failed" if waited.says_no else "lost"
        return replace(end, kind=kind, seen=Seen(0.0, problem=f"{said}: {waited.problem}"))

    def _in_place(self, task: ActionTask, spot: Spot) -> Watched:
        """Asking the action itself whether its change is in place."""

        def ask() -> Seen:
            look, stays = self._script.look(spot, "done")
            look = look or NOTHING
            seen = self._seen(task.call, task.timeout, without_word(look))
            held = None if seen.problem else {IN_PLACE: says_in_place(look)}
            return replace(seen, result=held, stays=stays)

        return watch(asking(task.timeout), {}, ask)

    def _before(self, task: ActionTask, done: Check, spot: Spot, take: Take) -> End:
        """What is asked before anything is executed: `already` if that is not needed."""
        timeout = self._time_for(done.call, task)
        if take.before is not None:
            seen = self._seen(done.call, timeout, take.before)
            already = take.already or judge(done.poll.until, task.scope, seen).held
        else:
            look, _ = self._script.look(spot, "done")
            seen, already = self._seen(done.call, timeout, look) if look else Seen(0.0), True
        return End(seen.seconds, "succeeded", seen, already=already)

    def _executed(self, task: ActionTask, look: Look) -> End:
        """One execution of a change."""
        ending, reason = look.end
        if look.takes > task.timeout:
            reason = f"`{task.call.action}` was told to act, and its end is not known: {_late(task.timeout)}"
            return End(task.timeout, "lost", Seen(0.0, problem=reason), acts=0.0)
        if ending == "unreachable":
            return End(look.takes, "failed", Seen(0.0, problem=reason), again=True)
        if ending is not None:
            kind: Literal["failed", "lost"] = "lost" if ending == "lost" else "failed"
            return End(look.takes, kind, Seen(0.0, problem=reason), acts=0.0)
        result = result_of(self._catalogue.actions[task.call.action], task.call, look)
        problem = failure_of(task.call.action, result) or ""
        return End(look.takes, "failed" if problem else "succeeded", Seen(0.0, result, problem), acts=0.0)

    # --- single looks -------------------------------------------------------------------------------------

    def _lack(self, task: ActionTask, step: Step, spot: Spot, take: Take) -> Need | None:
        """What is not written of the step's own action and has to be."""
        if not take.look.says_nothing or not (task.poll is not None or needs_result(step)):
            return None
        return need(spot.name, "", self._catalogue.actions[task.call.action], result_readers(step))

    def _own_look(self, task: ActionTask, step: Step, spot: Spot) -> Seen:
        take, stays = self._script.take(spot)
        take = take or Take(NOTHING)
        lack = self._lack(task, step, spot, take)
        return replace(self._seen(task.call, task.timeout, take.look, lack), stays=stays)

    def _watched(self, check: Check, task: ActionTask, spot: Spot, part: Part) -> Watched:
        def ask() -> Seen:
            look, stays = self._script.look(spot, part)
            if look is None or look.says_nothing:
                spec = self._catalogue.actions[check.call.action]
                return Seen(0.0, lack=need(spot.name, part, spec, [check.poll.until]))
            return replace(self._seen(check.call, self._time_for(check.call, task), look), stays=stays)

        return watch(check.poll, task.scope, ask)

    def _time_for(self, call: Call, task: ActionTask) -> float:
        """A step's time-out is about its own action: another one that its `done` asks has its usual time."""
        own = call.action == task.call.action
        return task.timeout if own else self._catalogue.actions[call.action].timeout

    def _seen(self, call: Call, timeout: float, look: Look, lack: Need | None = None) -> Seen:
        """What one reading gives."""
        ending, reason = look.end
        if look.takes > timeout:
            return Seen(timeout, problem=f"`{call.action}` {_late(timeout)}")
        if ending is not None:
            return Seen(look.takes, problem=reason)
        if lack is not None:
            return Seen(look.takes, lack=lack)
        return Seen(look.takes, result_of(self._catalogue.actions[call.action], call, look))


def _end_of(waited: Watched) -> End:
    seen = Seen(0.0, waited.result, waited.problem, lack=waited.lack)
    kind: Literal["succeeded", "failed"] = "failed" if waited.problem else "succeeded"
    return End(waited.seconds, kind, seen, says_no=waited.says_no)


def _later(end: End, seconds: float) -> End:
    return replace(end, seconds=end.seconds + seconds, acts=None if end.acts is None else end.acts + seconds)


def _late(timeout: float) -> str:
    return f"did not end within {format_duration(timeout)}"


def _kept(task: ActionTask, seen: Seen) -> tuple[Kept, ...]:
    """What the step keeps of its result. Nothing is stored, but that it could be is known."""
    if seen.result is None:
        return ()
    return tuple(_kept_one(task, name, cel, seen) for name, cel in task.keep.items())


def _kept_one(task: ActionTask, name: str, cel: str, seen: Seen) -> Kept:
    try:
        evaluate(cel, {**task.scope, "result": seen.result})
    except EvaluationError as error:
        return Kept(name, task.step, error=str(error))
    return Kept(name, task.step)
