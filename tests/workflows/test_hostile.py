"""What people and servers do to a run at the wrong moment: nothing of it may leave a run stuck."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateStage
from temporalio.exceptions import ApplicationError

from stanch.client import runs
from stanch.contract import (
    SIGNAL_ALERT,
    SIGNAL_APPROVE,
    SIGNAL_DENY,
    UPDATE_ABORT,
    Abort,
    Accepted,
    ActionReport,
    ActionTask,
    AlertChanged,
)
from tests.support.plans import change, plan, rollback
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, helping, waiting

PATIENCE = 20.0
Stop = Callable[[WorkflowHandle[Any, Any]], Awaitable[None]]


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


async def cancelling(handle: WorkflowHandle[Any, Any]) -> None:
    await handle.cancel()


async def aborting(handle: WorkflowHandle[Any, Any]) -> None:
    """An Update reaches the server and waits there for a worker."""
    order = Abort("alice", "wrong runbook")
    started = handle.start_update(
        UPDATE_ABORT, order, result_type=Accepted, wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    asyncio.get_running_loop().create_task(started)
    while not (await handle.describe()).raw_description.HasField("pending_workflow_task"):
        await asyncio.sleep(0.02)


async def test_a_signal_without_its_argument_or_with_too_many_is_harmless(client: Client) -> None:
    async with World(helping).worker(client):
        handle = handle_of(client, await begin(client, rollback(), "bare-signal"))
        request = await waiting(handle)
        for name in (SIGNAL_APPROVE, SIGNAL_DENY, SIGNAL_ALERT):
            await handle.signal(name)
            await handle.signal(name, args=[{"by": "eve"}, 2, 3])
        await handle.signal(SIGNAL_ALERT, "resolved")
        await handle.signal(SIGNAL_ALERT, AlertChanged("resolved", "f"))
        await runs.decide(handle, approve(request))
        async with asyncio.timeout(PATIENCE):
            assert (await handle.result()).outcome == "succeeded"
            told = [moment.kind for moment in (await runs.view(handle)).timeline]
        assert (told.count("alert"), told.count("refused")) == (1, 4)


@pytest.mark.parametrize("stop", [cancelling, aborting])
async def test_an_approval_and_an_abort_that_arrive_together_end_the_run(client: Client, stop: Stop) -> None:
    world = World(helping)
    async with world.worker(client):
        handle = handle_of(client, await begin(client, plan(change()), f"together-{stop.__name__}"))
        request = await waiting(handle)
    # Nobody works: both wait for the next worker, which hears of them in one workflow task.
    await handle.signal(SIGNAL_APPROVE, {"request": request.id, "digest": request.digest, "by": "bob"})
    await stop(handle)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        ended = await handle.result()
        view = await runs.view(handle)
    assert (ended.outcome, world.changes) == ("aborted", [])
    assert [step.phase for step in view.steps] == ["aborted"]


@pytest.mark.parametrize("stop", [cancelling, aborting])
async def test_a_change_that_ended_as_it_was_to_be_stopped_is_in_the_ledger(
    client: Client, stop: Stop
) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_: ActionTask) -> ActionReport:
        begun.set()
        await may_end.wait()
        return ActionReport({"rc": 0})

    world = World(slow)
    queue = "stanch"
    async with world.worker(client, queue, workflows=False):
        async with world.worker(client, queue, activities=False):
            handle = handle_of(client, await begin(client, plan(change()), f"ended-{stop.__name__}"))
            await runs.decide(handle, approve(await waiting(handle)))
            await begun.wait()
        await stop(handle)
        may_end.set()
        while (await handle.describe()).raw_description.pending_activities:
            await asyncio.sleep(0.02)
        async with world.worker(client, queue, activities=False), asyncio.timeout(PATIENCE):
            ended = await handle.result()
            view = await runs.view(handle)
    assert (ended.outcome, len(view.ledger)) == ("aborted", 1)


async def test_a_run_that_has_ended_does_not_wait_for_a_page_that_cannot_be_sent(client: Client) -> None:
    world = World(helping)

    def unreachable(_: object) -> str:
        raise ApplicationError("the pager does not answer", type="Unreachable")

    world.paging = unreachable
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, plan(change()), "pages"))
        await waiting(handle)
        await runs.abort(handle, Abort("alice", "wrong runbook"))
        assert (await handle.result()).outcome == "aborted"
