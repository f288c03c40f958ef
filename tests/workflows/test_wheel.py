"""Pause, hold, skip, withdraw and undo on Temporal, in the sandbox, with time that is skipped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from stanch.client import runs
from stanch.contract import ActionReport, ActionTask, Order, RunView, Verb
from stanch.errors import IllegalDecision
from stanch.language.plan import Approval, Step
from tests.support.plans import change, plan, read
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from tests.workflows.test_runbook import result

IC = Approval(("incident_commander",))


async def say(handle: WorkflowHandle[Any, Any], verb: Verb, **fields: Any) -> None:
    await runs.order(handle, Order(verb, "alice", "because", **fields))


async def under_way(handle: WorkflowHandle[Any, Any], step: str) -> None:
    """As soon as the step has begun."""
    while all(each.path != step for each in (await runs.view(handle)).steps):
        await asyncio.sleep(0.02)


async def until(handle: WorkflowHandle[Any, Any], *parked: str) -> RunView:
    """The run, as soon as just these steps are kept back."""
    while (view := await runs.view(handle)).parked != parked:
        assert view.outcome is None, view.reason
        await asyncio.sleep(0.02)
    return view


def made(name: str) -> Step:
    return change(name, approval=None, on_failure="stop")


async def test_a_paused_run_begins_nothing_for_an_hour_and_then_goes_on(
    skipping: WorkflowEnvironment,
) -> None:
    gate = asyncio.Event()

    async def slow(_: ActionTask) -> ActionReport:
        await gate.wait()
        return ActionReport({})

    world = World(slow)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(read("a"), read("b")), "w1"))
        await say(handle, "pause")
        gate.set()
        view = await until(handle, "b")
        assert [task.step for task in world.tasks] == ["a"]
        await skipping.sleep(3600)
        assert (await runs.view(handle)).parked == ("b",)
        await say(handle, "resume")
        ended = await result(skipping, handle)
        assert ended.outcome == "succeeded"
        assert "alice paused it at" in view.paused


async def test_an_approval_that_waits_is_as_old_after_a_pause_as_before(
    skipping: WorkflowEnvironment,
) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(change()), "w2"))
        request = await waiting(handle)
        await say(handle, "pause")
        await skipping.sleep(7200)
        still = await waiting(handle)
        assert (still.id, still.digest) == (request.id, request.digest)
        await say(handle, "resume")
        later = await waiting(handle)
        assert later.until - request.until >= 7200
        assert (await result(skipping, handle)).outcome == "denied"


async def test_what_is_on_hold_is_withdrawn_asked_again_approved_and_released(
    skipping: WorkflowEnvironment,
) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(change()), "w3"))
        request = await waiting(handle)
        await say(handle, "hold")
        await runs.decide(handle, approve(request))
        await until(handle, "fix")
        await say(handle, "withdraw")
        again = await waiting(handle)
        assert (again.id, again.changes) == ("fix.2", request.changes)
        await runs.decide(handle, approve(again))
        await until(handle, "fix")
        assert not world.changes
        await say(handle, "release")
        assert (await result(skipping, handle)).outcome == "succeeded"
        assert len(world.changes) == 1


async def test_a_wait_is_skipped_and_a_change_under_way_is_not(skipping: WorkflowEnvironment) -> None:
    gate = asyncio.Event()

    async def slow(task: ActionTask) -> ActionReport:
        if task.effect == "change":
            await gate.wait()
        return ActionReport({})

    world = World(slow)
    steps = (Step(id="settle", wait="48h"), change())
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(*steps), "w4"))
        await under_way(handle, "settle")
        await say(handle, "skip", step="settle")
        await runs.decide(handle, approve(await waiting(handle)))
        with pytest.raises(IllegalDecision, match="`fix` is under way; abort, or wait"):
            await say(handle, "skip", step="fix")
        gate.set()
        assert (await result(skipping, handle)).outcome == "succeeded"
        view = await runs.view(handle)
    assert view.ended - view.started < 3600


async def test_an_undo_stops_a_wait_and_takes_everything_back(skipping: WorkflowEnvironment) -> None:
    block = Step(id="b", steps=(made("one"), made("two"), Step(id="w", wait="1h")), approval=IC)
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(block), "w5"))
        await runs.decide(handle, approve(await waiting(handle)))
        while len((await runs.view(handle)).ledger) < 2:
            await asyncio.sleep(0.02)
        await say(handle, "undo")
        ended = await result(skipping, handle)
    told = [" ".join(task.call.params["run"]) for task in world.changes]
    assert told == ["fix one", "fix two", "unfix two", "unfix one"]
    assert (ended.outcome, ended.reason) == (
        "aborted",
        "undone by alice: because; all 2 changes were taken back",
    )


async def test_orders_that_arrive_together_are_obeyed_one_after_the_other(
    skipping: WorkflowEnvironment,
) -> None:
    block = Step(id="b", steps=(made("one"), read("look")), approval=IC)
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(block), "w6"))
        request = await waiting(handle)
        await say(handle, "hold")
        await runs.decide(handle, approve(request))
        await until(handle, "one")
        await asyncio.gather(say(handle, "release"), say(handle, "pause"))
        while (view := await runs.view(handle)).parked not in (("one",), ("look",)):
            await asyncio.sleep(0.02)
        # The release came first if the change was made, and else the pause did.
        assert len(world.changes) == (view.parked == ("look",))
        await say(handle, "resume")
        assert (await result(skipping, handle)).outcome == "succeeded"
    assert len(world.changes) == 1
