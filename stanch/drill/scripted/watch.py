"""Asking until something holds, on the scripted clock: what `until`, `done` and `verify` do in a run.

The rules are those of the worker (`activities/attempt/polling.py`): a look that gives no answer counts as
"does not hold", the last look comes at the end of `within`, and what holds must hold for `stable`.
`tests/drill/test_watch.py` lets both go over the same looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stanch.drill.scripted.needs import Need
from stanch.errors import EvaluationError
from stanch.language.duration import format_duration
from stanch.language.evaluate import holds, show
from stanch.language.plan import Json, Poll

SHORTEST_PAUSE = 0.05
MOST_LOOKS = 20_000
"""Looks that are gone through one by one; a wait that would take more of them ends in vain at once."""
_LONGEST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: how long it took, and what it gave, or why it gave nothing."""

    seconds: float
    result: Json = None
    problem: str = ""
    stays: bool = False
    """Every later look is the same."""
    lack: Need | None = None
    """What the script would have had to say for it."""


Ask: TypeAlias = Callable[[], Seen]


@dataclass(frozen=True, slots=True)
class Watched:
    """How a wait ended. `problem` is empty when the condition came to hold."""

    seconds: float
    result: Json
    problem: str = ""
    lack: Need | None = None
    """It could not go on, because the script says no more."""
    says_no: bool = False
    """It was in vain, and the last look gave a plain no."""


@dataclass(frozen=True, slots=True)
class _Judged:
    held: bool
    result: Json
    said: str
    answered: bool = True


def watch(poll: Poll, scope: Mapping[str, Json], ask: Ask) -> Watched:
    """Ask until `poll` holds. Raises nothing."""
    now, since, asked = 0.0, None, 0
    settled: tuple[Seen, _Judged] | None = None
    while True:
        seen = settled[0] if settled else ask()
        if seen.lack is not None:
            return Watched(now, None, lack=seen.lack)
        judged = settled[1] if settled else judge(poll.until, scope, seen)
        if got_worse := _got_worse(poll, scope, judged):
            return Watched(round(now + seen.seconds, 6), judged.result, got_worse)
        settled = (seen, judged) if seen.stays else None
        now, asked = round(now + seen.seconds, 6), asked + 1
        since = (since if since is not None else now) if judged.held else None
        still = poll.stable - (now - since) if since is not None else poll.every
        if since is not None and still <= 0:
            return Watched(now, judged.result)
        left = poll.within - now
        if left <= 0 or asked >= MOST_LOOKS:
            now = max(now, poll.within)
            no = judged.answered and not judged.held
            said = _in_vain(poll, judged.said, asked, since, now)
            return Watched(now, judged.result, said, says_no=no)
        now = round(now + max(SHORTEST_PAUSE, min(poll.every, left, still)), 6)


def judge(until: str, scope: Mapping[str, Json], seen: Seen) -> _Judged:
    """Whether `until` holds for what was seen, and what that was, in words."""
    if seen.problem:
        return _Judged(False, None, seen.problem, answered=False)
    try:
        held = holds(until, {**scope, "result": seen.result})
    except EvaluationError as error:
        return _Judged(False, seen.result, str(error), answered=False)
    return _Judged(held, seen.result, _said(seen.result))


def _got_worse(poll: Poll, scope: Mapping[str, Json], judged: _Judged) -> str:
    """Why it ends at once; empty when it does not."""
    if not poll.worse or judged.result is None:
        return ""
    try:
        worse = holds(poll.worse, {**scope, "result": judged.result})
    except EvaluationError:
        return ""
    return f"it got worse: `{poll.worse}` holds; last: {judged.said}" if worse else ""


def _said(result: Json) -> str:
    text = f"result = {show(result)}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _in_vain(poll: Poll, said: str, asked: int, since: float | None, now: float) -> str:
    times = "once" if asked == 1 else f"{asked} times"
    within = f"within {format_duration(poll.within)} (asked {times})"
    if since is not None:
        held = f"held only for the last {format_duration(round(now - since, 1))}"
        return f"`{poll.until}` {held} and not for {format_duration(poll.stable)} {within}; last: {said}"
    steady = f" for {format_duration(poll.stable)} without a break" if poll.stable else ""
    return f"`{poll.until}` did not hold{steady} {within}; last: {said}"
