"""What outlives a run: a borrowed change that comes back days later, by a run of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.incident import join_incident
from stanch.client import runs
from stanch.contract import ACTIVITY_JOIN, ActionReport, ActionTask, IncidentRef, JoinTask, Order
from stanch.language.plan import Approval, Revert
from stanch.visibility import SEVERITY
from tests.support.plans import change, plan
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from tests.workflows.test_runbook import result

PATIENCE = 60.0


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


async def test_what_was_borrowed_for_days_comes_back_by_a_run_of_its_own(
    skipping: WorkflowEnvironment,
) -> None:
    borrow = change("borrow", approval=Approval(("incident_commander",)), revert=Revert("after", after="72h"))
    world = World(helping)
    async with world.worker(skipping.client):
        run = await begin(skipping.client, plan(borrow), "o1")
        handle = handle_of(skipping.client, run)
        await runs.decide(handle, approve(await waiting(handle)))
        assert (await result(skipping, handle)).outcome == "succeeded"
        later = handle_of(skipping.client, f"{handle.id}/return-1")
        assert (await later.describe()).workflow_type == "put-back"
        assert (await result(skipping, later)).outcome == "succeeded"
        view = await runs.view(later)
    assert [task.call.params["run"][0] for task in world.changes] == ["fix", "unfix"]
    assert view.ended - view.started >= 72 * 3600
    assert view.started_by == f"run:{handle.id}"


async def test_a_run_that_was_terminated_says_that_what_it_has_borrowed_stays_away(client: Client) -> None:
    borrow = change("borrow", revert=Revert("after", after="72h"))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        asks = change("asks")
        handle = handle_of(client, await begin(client, plan(borrow, asks), "terminated"))
        await runs.decide(handle, approve(first := await waiting(handle)))
        while (await waiting(handle)).id == first.id:
            await asyncio.sleep(0.02)
        await handle.terminate()
        view = await runs.settled(handle, await runs.view(handle))
        assert (view.outcome, view.requests) == ("aborted", ())
        assert "what it has borrowed does not come back by itself any more" in view.reason


async def test_a_new_severity_is_found_by_its_search_attribute(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(change("fix")), "o2"))
        await waiting(handle)
        await runs.order(handle, Order("severity", "alice", "it is worse than it looked", to="SEV1"))
        found = (await handle.describe()).typed_search_attributes
        view = await runs.view(handle)
    assert view.severity == "SEV1"
    assert found[SEVERITY] == "SEV1"


async def test_what_two_runs_of_one_alert_have_borrowed_both_comes_back(client: Client) -> None:
    """The second has the first one's id, and the first one's put-back is still waiting when it ends."""
    borrow = change("borrow", revert=Revert("after", after="72h"))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        for _ in range(2):
            handle = handle_of(client, await begin(client, plan(borrow), "twice"))
            await runs.decide(handle, approve(await waiting(handle)))
            assert (await handle.result()).outcome == "succeeded"
        told = [moment.text for moment in (await runs.view(handle)).timeline if moment.kind == "borrowed"]
        names = [text.rpartition("run ")[2] for text in told]
        assert names[0] == f"{handle.id}/return-1"
        assert names[1].startswith(f"{handle.id}/return-1-")
        for name in names:
            behind = handle_of(client, name)
            assert (await runs.view(behind)).outcome is None
            await behind.terminate()


async def test_a_cancellation_at_the_end_does_not_lose_what_comes_back(client: Client) -> None:
    """It comes while the run asks its incident whether what it leaves behind is held."""
    asked, gate = asyncio.Event(), asyncio.Event()

    @activity.defn(name=ACTIVITY_JOIN)
    async def slow(task: JoinTask) -> str:
        asked.set()
        await gate.wait()
        return await join_incident(task)

    class Slow(World):
        def _activities(self) -> list[Callable[..., Any]]:
            return [slow, *(each for each in super()._activities() if each is not join_incident)]

    borrow = change("borrow", revert=Revert("after", after="72h"))
    async with Slow(helping).worker(client), asyncio.timeout(PATIENCE):
        ref = IncidentRef("cancelled", "SEV2")
        handle = handle_of(client, await begin(client, plan(borrow), "cancelled", incident=ref))
        await runs.decide(handle, approve(await waiting(handle)))
        await asked.wait()
        await handle.cancel()
        gate.set()
        assert (await handle.result()).outcome == "succeeded"
        behind = handle_of(client, f"{handle.id}/return-1")
        view = await runs.view(behind)
        assert (view.outcome, view.url) == (None, f"{(await runs.view(handle)).url}%2Freturn-1")
        await behind.terminate()


async def test_a_page_of_the_last_moment_is_sent(client: Client) -> None:
    """What was borrowed is not put back, and with that the run ends: nobody would hear of it."""

    def answer(task: ActionTask) -> ActionReport:
        if task.call.params["run"][0] == "unfix":
            raise ApplicationError("no such host", non_retryable=True)
        return ActionReport({})

    world = World(answer)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        borrow = change("borrow", revert=Revert("end_of_run"))
        handle = handle_of(client, await begin(client, plan(borrow), "last-page"))
        await runs.decide(handle, approve(await waiting(handle)))
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert "not put back" in world.pages[-1].text
