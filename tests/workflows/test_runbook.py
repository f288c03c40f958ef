"""The workflow on Temporal's time-skipping server, in the sandbox, with a scripted outside."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from stanch.client import runs
from stanch.contract import (
    QUERY_PLAN,
    QUERY_REQUESTS,
    QUERY_TIMELINE,
    Abort,
    ActionReport,
    ActionTask,
    Moment,
    Request,
    RunResult,
)
from stanch.language.encode import plan_digest
from stanch.language.plan import Approval, Plan, Silence
from tests.support.plans import change, plan, read, rollback
from tests.support.world import World, approve, begin, handle_of, helping, waiting


async def result(environment: WorkflowEnvironment, handle: WorkflowHandle[Any, Any]) -> RunResult:
    """The run's result, after all the time that it takes: the server skips it while this waits."""
    async with environment.time_skipping_unlocked():  # type: ignore[attr-defined]
        answer: RunResult = await handle.result()
    return answer


async def test_a_rollback_end_to_end(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        run = await begin(skipping.client, rollback(), "a1")
        handle = handle_of(skipping.client, run)
        request = await waiting(handle)
        assert not world.changes
        accepted = await runs.decide(handle, approve(request))
        assert accepted.request == "roll_back"
        ended = await result(skipping, handle)
        assert (ended.outcome, ended.outputs) == ("succeeded", {"released": "v2"})
        hosts = [task.call.params["hosts"][0] for task in world.changes]
        assert (hosts[0], sorted(hosts)) == ("web1", ["web1", "web2", "web3"])
        view = await runs.view(handle)
        assert (view.outcome, len(view.ledger)) == ("succeeded", 3)


async def test_nobody_answers_so_the_ladder_climbs_and_the_request_is_denied(
    skipping: WorkflowEnvironment,
) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, rollback(), "a2"))
        ended = await result(skipping, handle)
        view = await runs.view(handle)
    assert ended.outcome == "denied"
    assert [page.to for page in world.pages] == [
        "incident_commander",
        "incident_commander",
        "technical_lead",
        "incident_commander",
    ]
    assert not world.changes
    paged = [moment.at - view.started for moment in view.timeline if moment.kind == "paged"]
    assert [round(at) for at in paged] == [0, 300, 600, 900]
    assert round(view.ended - view.started) == 1800


async def test_the_signals_of_the_web_ui_approve_and_deny(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, rollback(), "a4"))
        request = await waiting(handle)
        for nonsense in ("yes", None, 7, ["x"], {"request": request.id, "by": "eve"}):
            await handle.signal("approve", nonsense)
        answer = {"request": request.id, "digest": request.digest[:12], "by": "bob", "reason": "not now"}
        await handle.signal("deny", answer)
        ended = await result(skipping, handle)
        assert (ended.outcome, ended.reason) == ("denied", "denied by bob: not now")
        told = await handle.query(QUERY_TIMELINE, result_type=list[Moment])
        assert sum(moment.kind == "refused" for moment in told) == 5
        assert not world.changes


async def test_the_queries_answer_while_it_waits_and_after_it_ended(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, rollback(), "a5"))
        request = await waiting(handle)
        assert await handle.query(QUERY_REQUESTS, result_type=list[Request]) == [request]
        await runs.decide(handle, approve(request))
        await result(skipping, handle)
        assert await handle.query(QUERY_REQUESTS, result_type=list[Request]) == []
        pinned = await handle.query(QUERY_PLAN, result_type=Plan)
        assert plan_digest(pinned) == plan_digest(rollback())


async def test_a_failed_run_fails_its_workflow_and_says_why(skipping: WorkflowEnvironment) -> None:
    def broken(_: ActionTask) -> ActionReport:
        raise ApplicationError("web1: exit status 1", type="ActionRefused", non_retryable=True)

    async with World(broken).worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(read()), "a6"))
        with pytest.raises(WorkflowFailureError) as raised:
            await result(skipping, handle)
    cause = raised.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.message, cause.type) == ("web1: exit status 1", "failed")


async def test_a_read_is_tried_again_when_its_target_was_not_reached(
    skipping: WorkflowEnvironment,
) -> None:
    calls = 0

    def flaky(_: ActionTask) -> ActionReport:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ApplicationError("web1: connection refused", type="Unreachable")
        return ActionReport({"status": 200})

    async with World(flaky).worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(read()), "a7"))
        assert (await result(skipping, handle)).outcome == "succeeded"


async def test_a_change_whose_outcome_is_unknown_is_never_repeated_but_asked(
    skipping: WorkflowEnvironment,
) -> None:
    def lost(_: ActionTask) -> ActionReport:
        raise ApplicationError("connection cut", type="OutcomeUnknown", non_retryable=True)

    world = World(lost)
    only = plan(change(on_failure="ask"))
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, only, "a8"))
        await runs.decide(handle, approve(await waiting(handle)))
        request = await waiting(handle)
        assert (request.kind, request.evidence[0]) == ("in_doubt", "connection cut")
        assert [line.split()[0] for line in request.evidence[1:3]] == ["sent", "came"]
        assert len(world.changes) == 1
        with pytest.raises(WorkflowFailureError) as raised:
            await result(skipping, handle)
    assert isinstance(raised.value.cause, ApplicationError)
    assert raised.value.cause.type == "in_doubt"
    assert len(world.changes) == 1


async def test_a_cancellation_in_temporal_is_an_abort(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, rollback(), "a9"))
        await waiting(handle)
        await handle.cancel()
        ended = await result(skipping, handle)
    assert (ended.outcome, ended.reason) == (
        "aborted",
        "aborted by Temporal: the workflow was cancelled there",
    )


async def test_an_abort_cancels_the_action_that_is_under_way(skipping: WorkflowEnvironment) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def slow(_: ActionTask) -> ActionReport:
        begun.set()
        try:
            while True:
                activity.heartbeat({"phase": "acting"})
                await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            stopped.set()
            raise

    world = World(slow)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(read(timeout=300.0)), "b1"))
        await begun.wait()
        await runs.abort(handle, Abort("alice", "enough"))
        ended = await result(skipping, handle)
    assert stopped.is_set()
    assert ended.outcome == "aborted"


async def test_silence_decided_by_the_runbook_wins_over_the_policy(skipping: WorkflowEnvironment) -> None:
    silent = Approval(("incident_commander",), silence=Silence(after=60, then="abort"))
    world = World(helping)
    async with world.worker(skipping.client):
        run = await begin(skipping.client, plan(change(approval=silent)), "b2")
        ended = await result(skipping, handle_of(skipping.client, run))
    assert (ended.outcome, len(world.pages)) == ("aborted", 1)
