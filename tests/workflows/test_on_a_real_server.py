"""What only a real Temporal server shows: refusals without a trace, the Web UI's texts, filters, recovery."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from stanch.client import runs
from stanch.contract import (
    TASK_QUEUE,
    UPDATE_ABORT,
    UPDATE_ORDER,
    Abort,
    Accepted,
    Decision,
    Order,
    Request,
    RunResult,
)
from stanch.errors import IllegalDecision, InvalidInput
from tests.support.plans import change, given, plan, rollback
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, helping, waiting


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


async def settled(handle: WorkflowHandle[Any, Any]) -> None:
    """Nothing is under way any more, so the history grows by nothing but what a test does."""
    while True:
        described = (await handle.describe()).raw_description
        if not described.pending_activities and not described.HasField("pending_workflow_task"):
            return
        await asyncio.sleep(0.02)


async def test_a_refused_decision_raises_its_reason_and_writes_nothing(client: Client) -> None:
    world = World(helping)
    async with world.worker(client):
        handle = handle_of(client, await begin(client, rollback(), "refused"))
        request = await waiting(handle)
        await settled(handle)
        before = (await handle.describe()).history_length
        wrong = Decision(request=request.id, choice="approve", digest="f" * 64, by="alice")
        with pytest.raises(IllegalDecision, match="not bound to what is asked now"):
            await runs.decide(handle, wrong)
        with pytest.raises(IllegalDecision, match="started this run"):
            await runs.decide(handle, approve(request, by="alert:alertmanager"))
        assert (await handle.describe()).history_length == before
        assert not world.changes
        await handle.terminate()


async def test_ten_decisions_at_once_have_one_effect(client: Client) -> None:
    world = World(helping)
    async with world.worker(client):
        handle = handle_of(client, await begin(client, rollback(), "ten"))
        request = await waiting(handle)
        people = [f"person{n}" for n in range(10)]
        answers = await asyncio.gather(
            *(runs.decide(handle, approve(request, by)) for by in people), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, IllegalDecision)]
        assert len(refused) == 9
        assert all("already answered: approve by person" in str(each) for each in refused)
        assert (await handle.result()).outcome == "succeeded"
    assert len(world.changes) == 3


async def test_the_web_ui_has_a_summary_on_every_activity_and_timer(client: Client) -> None:
    async with World(helping).worker(client):
        handle = handle_of(client, await begin(client, rollback(), "summaries"))
        await runs.decide(handle, approve(await waiting(handle)))
        await handle.result()
        history = await handle.fetch_history()
    found = [
        event.user_metadata.summary.data.decode().strip('"')
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
        or event.HasField("timer_started_event_attributes")
    ]
    assert found[:4] == [
        "errors: Read errors",
        "current: Which release runs where?",
        "page incident_commander for roll_back",
        "roll_back: page incident_commander if nobody answers",
    ]
    assert "roll_back web2: Put the previous release back" in found
    assert "roll_back: pause before the next batch (1 of 3 done)" in found
    assert all(found)


async def test_current_details_say_what_is_awaited_and_how_to_answer(client: Client) -> None:
    async with World(helping).worker(client):
        handle = handle_of(client, await begin(client, rollback(), "details"))
        request = await waiting(handle)
        metadata = await handle.query("__temporal_workflow_metadata")
        text = metadata.current_details
        assert f"stanch approve {handle.id} --request roll_back" in text
        assert request.digest[:12] in text
        described = {each.name for each in metadata.definition.signal_definitions}
        assert {"approve", "deny", "alert"} <= described
        await handle.terminate()


async def test_runs_are_found_by_the_search_attributes(client: Client) -> None:
    async with World(helping).worker(client):
        fields: dict[str, Any] = {"severity": "SEV1", "service": "checkout"}
        run = await begin(client, rollback(), "filters", **fields)
        await waiting(handle_of(client, run))
        query = "StanchSeverity='SEV1' AND StanchService='checkout' AND StanchPhase='waiting'"
        while run not in [found.id async for found in client.list_workflows(query)]:
            await asyncio.sleep(0.05)
        await client.get_workflow_handle(run).terminate()


async def test_a_run_is_found_by_its_id_or_an_unambiguous_part(client: Client) -> None:
    async with World(helping).worker(client):
        run = await begin(client, rollback(), "find-me-77")
        while run not in [line.run for line in await runs.list_runs(client)]:
            await asyncio.sleep(0.05)
        for name in (run, "rollback-release/find-me-77", "find-me-77", "me-77"):
            assert (await runs.resolve(client, name)).id == run
        with pytest.raises(InvalidInput, match="there is no run `nope`"):
            await runs.resolve(client, "nope")
        await client.get_workflow_handle(run).terminate()


async def test_a_second_start_under_the_same_key_is_the_same_run(client: Client) -> None:
    async with World(helping).worker(client):
        first, *others = await asyncio.gather(*(begin(client, rollback(), "same") for _ in range(10)))
        assert set(others) == {first}
        executions = [found async for found in client.list_workflows(f"WorkflowId='{first}'")]
        assert len(executions) <= 1
        request: Request = await waiting(handle_of(client, first))
        assert request.id == "roll_back"
        await client.get_workflow_handle(first).terminate()


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (UPDATE_ORDER, Order("hold", "alice", "the wrong cluster", incident="inc-1")),
        (UPDATE_ABORT, Abort("alice", "the wrong cluster")),
    ],
)
async def test_what_is_ordered_before_a_worker_has_seen_the_run_is_obeyed(
    client: Client, update: str, said: Order | Abort
) -> None:
    """Temporal hands it over with the very first task, before the run itself has begun."""
    world = World(helping)
    fix = plan(change("fix", approval=None, unattended="a test"))
    begun: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        fix.runbook,
        given(fix),
        id=f"run/{fix.runbook}/first-{update}",
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        result_type=RunResult,
    )
    async with world.worker(client), asyncio.timeout(30):
        await client.execute_update_with_start_workflow(
            update, said, start_workflow_operation=begun, result_type=Accepted
        )
        handle = await begun.workflow_handle()
        if update == UPDATE_ABORT:
            assert (await handle.result()).outcome == "aborted"
        else:
            assert (await runs.view(handle)).parked == ("fix",)
            await handle.terminate()
    assert not world.changes
