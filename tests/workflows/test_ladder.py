"""The ladder on Temporal's time-skipping server tells what it tells without Temporal: the same is paged,
refused and taken at the same time, in every order of what people do."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from itertools import count

from hypothesis import HealthCheck, assume, settings
from hypothesis import given as case
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

from stanch.client import runs
from stanch.client.connect import ensure_search_attributes
from stanch.client.payloads import data_converter
from stanch.contract import TASK_QUEUE, Moment
from stanch.errors import IllegalDecision
from tests.support.moves import Clockwork, Move, Moves, moves, policy, question
from tests.support.plans import given
from tests.support.temporal import binary
from tests.support.world import World, handle_of, helping

START = 1000.0
APART = 15.0
"""Seconds: a move and a timer that are nearer may come in either order on a busy machine."""
_numbers = count()


def without_temporal(played: Moves, commander: tuple[str, ...], quorum: int) -> tuple[Clockwork, Moves]:
    """The run as it is told without Temporal, and the moves with the one that ends a pause."""
    host = Clockwork(given(question(quorum, 1), policy=policy(START, commander), revision=2))
    host.start()
    done: Moves = []
    for move in played:
        if host.actions:
            # Approved: what is told of the work itself is another test's.
            break
        host.play(move)
        done.append(move)
    if host.state.paused:
        # The acting commander may be anybody by now; who paused it may not be the one to resume it.
        for by in ("alice", "bob", "carol", "dave", "erin"):
            move = Move(20.0, "resume", by)
            done.append(move)
            if not host.play(move):
                break
    if not host.actions:
        host.wait(float("inf"))
    return host, done


def told(timeline: tuple[Moment, ...], started: float) -> list[tuple[str, str, str, int]]:
    """What is the same on every host: moments of people and pages, in words without the time of day."""
    kinds = ("paged", "handover", "acknowledged", "climbing", "decided", "dropped", "silence", "acting")
    return [
        (each.kind, re.sub(r"\d\d:\d\d UTC", "then", each.text), each.by, round((each.at - started) / APART))
        for each in timeline
        if each.kind in (*kinds, "severity", "paused", "resumed")
    ]


async def on_temporal(
    environment: WorkflowEnvironment, world: World, played: Moves, commander: tuple[str, ...], quorum: int
) -> tuple[list[tuple[str, str, str, int]], list[tuple[str, tuple[str, ...]]]]:
    now = (await environment.get_current_time()).timestamp()
    run = f"run/p/{next(_numbers)}"
    given_run = given(question(quorum, 1), policy=policy(now, commander), revision=2)
    await environment.client.start_workflow("p", given_run, id=run, task_queue=TASK_QUEUE)
    handle = handle_of(environment.client, run)
    for move in played:
        await environment.sleep(move.wait)
        view = await runs.view(handle)
        try:
            if move.order is not None:
                await runs.order(handle, move.order)
            elif view.requests:
                await runs.decide(handle, move.decision(view.requests[0]))
        except IllegalDecision:
            continue
    async with environment.time_skipping_unlocked():  # type: ignore[attr-defined]
        await handle.result()
    view = await runs.view(handle)
    pages = [(page.to, page.people) for page in world.pages if page.run == run]
    return told(view.timeline, view.started), sorted(pages)


async def opened(stack: AsyncExitStack, world: World) -> WorkflowEnvironment:
    """A server and a worker until `stack` is closed."""
    environment = await stack.enter_async_context(
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=str(binary("temporal-test-server")), data_converter=data_converter
        )
    )
    await ensure_search_attributes(environment.client)
    await stack.enter_async_context(world.worker(environment.client))
    return environment


def test_both_hosts_tell_the_same() -> None:
    world, stack = World(helping), AsyncExitStack()
    with asyncio.Runner() as runner:
        environment = runner.run(opened(stack, world))

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @case(moves, st.sampled_from([("alice",), ("alice", "bob"), ()]), st.sampled_from([1, 2]))
        def example(played: Moves, commander: tuple[str, ...], quorum: int) -> None:
            host, played = without_temporal(played, commander, quorum)
            assume(all(abs(moved - fired) > APART for moved in host.moved for fired in host.fired))
            assume(all(abs(at - START - 1000.5) > APART for at in host.moved + host.fired))
            mine = told(host.state.timeline, START)
            theirs, pages = runner.run(on_temporal(environment, world, played, commander, quorum))
            assert [each[:3] for each in theirs] == [each[:3] for each in mine]
            assert all(abs(one[3] - other[3]) <= 1 for one, other in zip(mine, theirs, strict=True))
            assert pages == sorted((task.to, task.people) for task in host.paged)

        try:
            example()
        finally:
            runner.run(stack.aclose())
