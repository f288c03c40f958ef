"""What Temporal is told, what a second attempt makes of it, and how an end in the middle goes."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails

from activities.action import Context
from activities.attempt.heart import Memory
from stanch.contract import ActionTask, TargetEnd
from tests.activities.bench import BEHAVE, Behaving, Bench, Switch, change, get, post, read
from tests.activities.served import Scripted, free_port, scripted, until

# --- a second attempt -------------------------------------------------------------------------------------


async def test_a_change_whose_worker_was_lost_is_not_executed_again(bench: Bench, site: Scripted) -> None:
    for memory in (None, asdict(Memory())):
        bench.attempt(2, memory)
        error = await bench.error(change(post(site.url)))
        assert (error.type, error.non_retryable) == ("OutcomeUnknown", True)
    assert site.got == []


async def test_a_change_that_reached_nobody_may_be_tried_again(bench: Bench) -> None:
    port = free_port()
    task = change(post(f"http://127.0.0.1:{port}"))
    first = await bench.error(task)
    assert (first.type, first.non_retryable) == ("Unreachable", False)
    told = bench.last_memory()
    with scripted(port) as site:
        bench.attempt(2, told)
        assert (await bench.run(task)).result["status"] == 200
        bench.attempt(3, told)
        error = await bench.error(task)
        assert error.type == "OutcomeUnknown", "of the second attempt nothing is known"
    assert site.methods() == ["POST"]


async def test_another_worker_confirms_a_change_that_was_executed(bench: Bench, site: Scripted) -> None:
    Switch(site, after=20)
    task = change(post(site.url), "result.json.on", get(site.url), within=30, every=0.1)
    first = asyncio.create_task(bench.run(task))
    await until(lambda: bool(bench.beats) and bench.last_memory()["acted"])
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    bench.attempt(2, bench.last_memory())
    report = await bench.run(task)
    assert report.result["json"] == {"id": 5}
    assert site.methods().count("POST") == 1
    assert bench.last_memory()["acted"] is True


async def test_a_result_too_large_to_remember_leaves_doubt(site: Scripted) -> None:
    bench = Bench(Behaving(lambda _: "x" * 100_000))
    task = change(BEHAVE, "result == 'x'", BEHAVE, within=0.1)
    assert (await bench.error(task)).type == "ActionRefused"
    assert len(json.dumps([memory for _, memory in bench.beats])) < 10_000
    bench.attempt(2, bench.last_memory())
    assert (await bench.error(task)).type == "OutcomeUnknown"


# --- heartbeats and cancellation --------------------------------------------------------------------------


async def test_a_long_action_keeps_telling_that_it_lives() -> None:
    async def work(context: Context) -> str:
        context.beat("3 of 40 hosts")
        await asyncio.sleep(2.3)
        return "ok"

    bench = Bench(Behaving(work))
    await bench.run(change(BEHAVE))
    notes = [progress.note for progress, _ in bench.beats if progress.phase == "acting"]
    assert notes[0] == ""
    assert notes.count("3 of 40 hosts") >= 2


async def test_a_note_from_another_thread_is_told() -> None:
    async def work(context: Context) -> str:
        await asyncio.to_thread(context.beat, "from a thread \ud800")
        await asyncio.sleep(1.2)
        return "ok"

    bench = Bench(Behaving(work))
    await bench.run(change(BEHAVE))
    assert any(progress.note == "from a thread ?" for progress, _ in bench.beats)


async def test_nothing_is_told_after_the_end(bench: Bench, site: Scripted) -> None:
    await bench.run(read(get(site.url)))
    told = len(bench.beats)
    await asyncio.sleep(1.2)
    assert len(bench.beats) == told


@pytest.mark.parametrize("task", [ActionTask("look", BEHAVE), read(BEHAVE, "false", every=30.0)])
async def test_cancellation_passes_through_within_a_second(task: ActionTask) -> None:
    stopped = asyncio.Event()

    async def work(_: Context) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return "never"

    action = Behaving(work)
    bench = Bench(action)
    running = asyncio.create_task(bench.run(task))
    await until(lambda: action.times == 1)
    began = time.monotonic()
    bench.environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stopped.is_set(), "the action had no chance to stop"
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("states", "kind", "said"),
    [
        ((), "OutcomeUnknown", "it was cancelled while it was acting"),
        (("stopped", "not_started"), "OutcomeUnknown", "it was cancelled while it was acting"),
        (("not_started", "not_started"), "ActionRefused", "it was cancelled before anything was executed"),
    ],
)
async def test_a_change_that_is_cancelled_tells_what_became_of_it_on_each_target(
    states: tuple[Any, ...], kind: str, said: str
) -> None:
    ends = tuple(TargetEnd(f"web{at}", state) for at, state in enumerate(states))

    async def work(context: Context) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            context.ended(ends)
            raise
        return "never"

    action = Behaving(work)
    bench = Bench(action)
    running = asyncio.create_task(bench.error(change(BEHAVE)))
    await until(lambda: action.times == 1)
    bench.environment.cancel()
    error = await running
    assert (error.type, error.message, error.non_retryable) == (kind, said, True)
    assert [detail.ends for detail in error.details] == ([ends] if ends else [])


async def test_a_wait_is_cancelled_in_its_pause(bench: Bench, site: Scripted) -> None:
    running = asyncio.create_task(bench.run(read(get(site.url), "false", within=60, every=30)))
    await until(lambda: len(site.got) == 1)
    bench.environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 1)


async def test_a_change_that_the_worker_abandons_is_in_doubt() -> None:
    """Nobody asked for the end: the worker shuts down in the middle of it."""
    action = Behaving(lambda _: asyncio.sleep(60))
    bench = Bench(action)
    running = asyncio.create_task(bench.error(change(BEHAVE)))
    await until(lambda: action.times == 1)
    bench.environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
    error = await running
    assert (error.type, error.non_retryable) == ("OutcomeUnknown", True)
    assert error.message.endswith("the worker was shut down")


async def test_a_change_that_the_worker_abandons_before_acting_may_be_tried_again() -> None:
    action = Behaving(lambda _: asyncio.sleep(60))
    bench = Bench(action)
    running = asyncio.create_task(bench.run(change(BEHAVE, "true", BEHAVE)))
    await until(lambda: action.times == 1)
    bench.environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.last_memory()["unharmed"] == 1
