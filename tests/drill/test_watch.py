"""Waiting on the scripted clock ends when, and as, waiting in a worker does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.attempt import polling
from activities.attempt.heart import Seen as Remembered
from stanch.drill.scripted import watch as scripted
from stanch.drill.scripted.watch import Seen, watch
from stanch.errors import ActionRefused, DoesNotHold, Unreachable
from stanch.language.plan import Poll


@dataclass
class Clock:
    """The time that the worker's code reads, and that passes when it sleeps."""

    now: float = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


QUARTERS = st.integers(0, 40).map(lambda quarters: quarters / 4)
LOOKS = st.lists(st.tuples(QUARTERS, st.sampled_from([True, False, None])), min_size=1, max_size=12)
POLLS = st.builds(
    Poll,
    until=st.just("result.ok"),
    within=st.integers(1, 240).map(lambda quarters: quarters / 4),
    every=st.integers(1, 40).map(lambda quarters: quarters / 4),
    stable=QUARTERS,
    worse=st.sampled_from(["", "", "!result.ok", "result.no_such_thing > 1"]),
)


Looks: TypeAlias = list[tuple[float, bool | None]]


async def in_worker(clock: Clock, poll: Poll, looks: Looks) -> tuple[float, str, int]:
    """Seconds, whether it came to hold, and how often was asked: by the code that workers run."""
    asked = 0

    async def ask(_: float) -> Any:
        nonlocal asked
        seconds, held = looks[min(asked, len(looks) - 1)]
        asked += 1
        clock.now += seconds
        if held is None:
            raise Unreachable("no route")
        return {"ok": held}

    began = clock.now
    try:
        await polling.wait_until(poll, ask, {}, Remembered(since=began), lambda _: None)
    except DoesNotHold:
        return clock.now - began, "no", asked
    except ActionRefused:
        return clock.now - began, "", asked
    return clock.now - began, "yes", asked


def on_stage(poll: Poll, looks: Looks) -> tuple[float, str, int]:
    asked = 0

    def ask() -> Seen:
        nonlocal asked
        seconds, held = looks[min(asked, len(looks) - 1)]
        asked += 1
        return Seen(seconds, {"ok": held}, "no route" if held is None else "")

    ended = watch(poll, {}, ask)
    return ended.seconds, "yes" if not ended.problem else "no" if ended.says_no else "", asked


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(poll=POLLS, looks=LOOKS)
def test_a_scripted_wait_ends_as_one_in_a_worker(
    monkeypatch: pytest.MonkeyPatch, poll: Poll, looks: Looks
) -> None:
    clock = Clock()
    with monkeypatch.context() as patched:
        patched.setattr(polling, "time", clock)
        patched.setattr(asyncio, "sleep", clock.sleep)
        real = asyncio.run(in_worker(clock, poll, looks))
    played = on_stage(poll, looks)
    assert played[1:] == real[1:]
    assert played[0] == pytest.approx(real[0], abs=1e-3)


def test_the_last_look_stays_without_being_asked_for_again() -> None:
    asked = 0

    def ask() -> Seen:
        nonlocal asked
        asked += 1
        return Seen(0.0, {"ok": False}, stays=asked == 2)

    ended = watch(Poll("result.ok", within=3600, every=1), {}, ask)
    assert (asked, ended.seconds) == (2, 3600.0)
    assert "(asked 3601 times)" in ended.problem


def test_a_wait_of_too_many_looks_ends_in_vain_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "MOST_LOOKS", 10)
    ended = watch(Poll("result.ok", within=3600, every=1), {}, lambda: Seen(0.0, {"ok": False}))
    assert (ended.seconds, bool(ended.problem)) == (3600.0, True)


@pytest.mark.parametrize(
    ("looks", "stable", "words"),
    [
        ([False], 0.0, '`result.ok` did not hold within 10s (asked 3 times); last: result = {"ok":false}'),
        ([None], 0.0, "`result.ok` did not hold within 10s (asked 3 times); last: no route"),
        ([False, False, True], 5.0, "`result.ok` held only for the last 0s and not for 5s within 10s"),
        ([False], 5.0, "did not hold for 5s without a break within 10s"),
    ],
)
def test_a_wait_in_vain_says_what_was_seen(looks: list[bool | None], stable: float, words: str) -> None:
    asked = iter([*looks, *looks[-1:] * 9])

    def ask() -> Seen:
        held = next(asked)
        return Seen(0.0, {"ok": held}, "no route" if held is None else "")

    assert words in watch(Poll("result.ok", within=10, every=5, stable=stable), {}, ask).problem


def test_a_condition_that_cannot_be_evaluated_does_not_hold() -> None:
    ended = watch(Poll("result.nonsense > 3", within=1, every=1), {}, lambda: Seen(0.0, {"ok": True}))
    assert "nonsense" in ended.problem
