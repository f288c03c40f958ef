"""Ask again and again until a condition holds, and keeps holding: `until`, `done` and `verify`."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from activities.attempt.heart import Seen
from stanch.errors import ActionRefused, AuthorError, DoesNotHold, EvaluationError, OutsideError
from stanch.language.duration import format_duration
from stanch.language.evaluate import Scope, evaluate, holds, show
from stanch.language.plan import Json, Poll

Question: TypeAlias = Callable[[float], Awaitable[Json]]
"""One asking: gets the seconds it may take, gives a result or raises one of `stanch.errors`."""

LAST_ASK = 5.0
"""Seconds that the asking at the end of `within` may still take; a wait is longer by no more than this."""
_SHORTEST_PAUSE = 0.05
_LONGEST_SHOWN = 300
_READ = re.compile(r"\bresult(?:\.[A-Za-z_]\w*\b(?!\s*\()|\[\d+\])+")


async def wait_until(
    poll: Poll,
    ask: Question,
    scope: Scope,
    seen: Seen,
    tell: Callable[[Seen], None],
    settles: Callable[[Json], bool] = lambda _: True,
) -> Json:
    """The result with which `poll` came to hold. `seen` says since when this is waited for, and is told anew
    after each asking. Raises AuthorError at once; ActionRefused at the end of `within` or as soon as it got
    worse, and DoesNotHold if the last answer was a plain no: one that `settles` takes for an answer."""
    epoch = time.time() - time.monotonic()
    while True:
        budget = max(seen.since + poll.within - (epoch + time.monotonic()), LAST_ASK)
        held, result, last, plain = await look(poll.until, ask, scope, budget)
        if poll.worse and result is not None and _got_worse(poll.worse, scope, result):
            raise ActionRefused(f"it got worse: `{poll.worse}` holds; {describe(poll.worse, result)}")
        # Epoch seconds that no adjustment of the clock moves while this worker waits.
        now = epoch + time.monotonic()
        began = (seen.holds_since if seen.holds_since is not None else now) if held else None
        seen = replace(seen, asked=seen.asked + 1, holds_since=began, last=last)
        tell(seen)
        still = poll.stable - (now - began) if began is not None else poll.every
        if began is not None and still <= 0:
            return result
        left = seen.since + poll.within - now
        if left <= 0:
            no = plain and not held and settles(result)
            raise (DoesNotHold if no else ActionRefused)(_in_vain(poll, seen, now))
        await asyncio.sleep(max(_SHORTEST_PAUSE, min(poll.every, left, still)))


async def look(until: str, ask: Question, scope: Scope, budget: float) -> tuple[bool, Json, str, bool]:
    """Ask once: whether `until` holds, the result (None when there was none), what was seen, in words, and
    whether that answers the question.

    An answer that is an error counts as "does not hold". Raises AuthorError, which no repetition would mend.
    """
    result = None
    try:
        result = await ask(budget)
        held = holds(until, {**scope, "result": result})
    except AuthorError:
        raise
    except (OutsideError, EvaluationError) as error:
        return False, result, str(error), False
    return held, result, describe(until, result), True


def _got_worse(worse: str, scope: Scope, result: Json) -> bool:
    """What cannot be evaluated for this answer is not worse. Raises AuthorError."""
    try:
        return holds(worse, {**scope, "result": result})
    except AuthorError:
        raise
    except EvaluationError:
        return False


def describe(until: str, result: Json) -> str:
    """What `until` saw: the parts of the result that it reads, or else the result, shortened."""
    parts = []
    for path in dict.fromkeys(_READ.findall(until)):
        try:
            parts.append(f"{path} = {_short(evaluate(path, {'result': result}))}")
        except EvaluationError:
            return f"result = {_short(result)}"
    return ", ".join(parts) or f"result = {_short(result)}"


def _short(value: Json) -> str:
    try:
        text = show(value)
    except ValueError:
        text = str(value)  # a NaN, which has no spelling in JSON
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def _in_vain(poll: Poll, seen: Seen, now: float) -> str:
    times = "once" if seen.asked == 1 else f"{seen.asked} times"
    within = f"within {format_duration(poll.within)} (asked {times})"
    if seen.holds_since is not None:
        held = f"for the last {format_duration(round(now - seen.holds_since, 1))}"
        needed = format_duration(poll.stable)
        return f"`{poll.until}` held only {held} and not for {needed} {within}; last: {seen.last}"
    steady = f" for {format_duration(poll.stable)} without a break" if poll.stable else ""
    return f"`{poll.until}` did not hold{steady} {within}; last: {seen.last}"
