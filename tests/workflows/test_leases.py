"""Leases on a real server: runs that wait for each other, die, are broken, and hear forged bells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from stanch.client import leases, runs
from stanch.client.payloads import data_converter
from stanch.client.runner import workflow_runner
from stanch.config import Config, Policy
from stanch.contract import (
    SIGNAL_BELL,
    SIGNAL_LEASE,
    TASK_QUEUE,
    WORKFLOW_LEASE,
    Abort,
    ActionReport,
    ActionTask,
    Claim,
    LeaseInput,
    LeaseView,
    Order,
    RunView,
)
from stanch.errors import IllegalDecision
from stanch.language.plan import Child, Plan, Step
from tests.support.plans import change, plan, read
from tests.support.temporal import TemporalServer, start_temporal
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from workflows import lease as lease_workflow
from workflows.lease import LeaseWorkflow
from workflows.runbook import RunbookWorkflow

PATIENCE = 60.0
Run = WorkflowHandle[Any, Any]


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease looks at its holders more often than it does for people."""
    monkeypatch.setattr(lease_workflow, "LOOK_EVERY", 0.3)


def fix(*locks: str) -> Plan:
    return plan(read(), change(), locks=locks)


async def started(client: Client, which: Plan, key: str, **fields: Any) -> Run:
    return handle_of(client, await begin(client, which, key, **fields))


async def seen(handle: Run, holds: Callable[[RunView], object]) -> RunView:
    while not holds(view := await runs.view(handle)):
        await asyncio.sleep(0.05)
    return view


async def queuing(handle: Run) -> RunView:
    """The run, as soon as a lease has told it to wait."""
    return await seen(
        handle, lambda view: any(each.state == "waiting" and each.holders for each in view.leases)
    )


async def lease(client: Client, name: str) -> LeaseView:
    handle: Run = client.get_workflow_handle(leases.lease_id(name))
    view: LeaseView = await handle.query("state", result_type=LeaseView)
    return view


def of(claims: tuple[Claim, ...]) -> list[str]:
    return [claim.run for claim in claims]


async def test_the_second_run_waits_for_the_first_and_the_lease_ends_with_the_last(client: Client) -> None:
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("two/a"), "two-1")
        request = await waiting(first)
        second = await started(client, fix("two/a"), "two-2", severity="SEV2", started_by="bob")
        view = await queuing(second)
        assert view.phase == "queuing"
        assert view.leases[0].holders[0].run == first.id
        assert f"held by {first.id} (SEV3, started by alert:alertmanager)" in view.timeline[-2].text
        pages = [task.text for task in world.pages if task.run == second.id]
        assert [first.id in text for text in pages] == [True]
        held = await lease(client, "two/a")
        assert (of(held.holders), of(held.queue)) == ([first.id], [second.id])
        assert [task.call.action for task in world.tasks] == ["http"], "the second one has not even looked"
        await runs.decide(first, approve(request))
        await first.result()
        await runs.decide(second, approve(await waiting(second)))
        assert (await second.result()).outcome == "succeeded"
        assert (await client.get_workflow_handle("lease/two/a").result()) is None
        histories = {
            RunbookWorkflow: await second.fetch_history(),
            LeaseWorkflow: await client.get_workflow_handle("lease/two/a").fetch_history(),
        }
    replayer = Replayer(
        workflows=[RunbookWorkflow, LeaseWorkflow],
        data_converter=data_converter,
        workflow_runner=workflow_runner(sandboxed=True),
    )
    for history in histories.values():
        await replayer.replay_workflow(history)


async def test_a_run_that_was_terminated_holds_nothing(client: Client, often: None) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("killed"), "killed-1")
        await waiting(first)
        waits = []
        for number in (2, 3):
            # The queue has the order in which they asked, and not that in which they were started.
            waits.append(await started(client, fix("killed"), f"killed-{number}"))
            await queuing(waits[-1])
        await first.terminate()
        await waiting(waits[0])
        await waits[0].terminate()
        await waiting(waits[1])
        assert of((await lease(client, "killed")).holders) == [waits[1].id]
        await waits[1].terminate()


async def test_a_run_that_died_while_nobody_waited_makes_the_next_wait_for_one_look(client: Client) -> None:
    """No look is due for ten minutes."""
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("dead"), "dead-1")
        await waiting(first)
        await first.terminate()
        second = await started(client, fix("dead"), "dead-2")
        await waiting(second)
        await second.terminate()


async def test_one_that_dies_in_the_queue_keeps_nobody_waiting(client: Client, often: None) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("queue"), "queue-1")
        request = await waiting(first)
        dies = await started(client, fix("queue"), "queue-2")
        await queuing(dies)
        third = await started(client, fix("queue"), "queue-3")
        await queuing(third)
        await dies.terminate()
        await runs.decide(first, approve(request))
        await waiting(third)
        await third.terminate()


async def test_a_run_of_the_same_name_that_comes_later_is_somebody_else(client: Client, often: None) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("again"), "again")
        await waiting(first)
        await first.terminate()
        second = await started(client, fix("again"), "again")
        await waiting(second)
        (claim,) = (await lease(client, "again")).holders
        assert claim.execution == (await second.describe()).run_id
        await second.terminate()


async def test_forged_bells_take_nothing_and_free_nothing(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("forged"), "forged-1")
        await waiting(first)
        second = await started(client, fix("forged"), "forged-2")
        await queuing(second)
        bell = client.get_workflow_handle("lease/forged")
        for ring in (first.id, "run/none", 7, {"run": first.id}, None):
            await bell.signal(SIGNAL_BELL, ring)
        for ring in ("forged", "other", 7, None):
            await second.signal(SIGNAL_LEASE, ring)
        before = (await runs.view(second)).leases[0]
        await asyncio.gather(*(second.signal(SIGNAL_LEASE, "forged") for _ in range(20)))
        view = await runs.view(second)
        assert [(each.name, each.state, each.since) for each in view.leases] == [
            ("forged", "waiting", before.since)
        ]
        held = await lease(client, "forged")
        assert (of(held.holders), of(held.queue)) == ([first.id], [second.id])
        await first.terminate()
        await second.terminate()


async def test_a_claim_that_was_forged_for_a_run_that_is_not_there_is_gone_at_the_first_look(
    client: Client,
) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        forged = Claim("run/none/nobody", "none", "x#1")
        assert (await leases.ask(client, "stolen", forged)).held
        run = await started(client, fix("stolen"), "stolen")
        await waiting(run)
        assert of((await lease(client, "stolen")).holders) == [run.id]
        await run.terminate()


async def test_who_commands_breaks_a_lease_and_nobody_else(client: Client) -> None:
    config = Config(policy=Policy(roles={"incident_commander": ("carol",)}))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("broken"), "broken-1", config=config)
        request = await waiting(first)
        second = await started(client, fix("broken"), "broken-2")
        await queuing(second)
        with pytest.raises(IllegalDecision, match=f"`stanch break {first.id} broken --reason WHY`"):
            await runs.order(second, Order("break", "carol", "ours leads", lease="broken"))
        with pytest.raises(IllegalDecision, match="carol"):
            await runs.order(first, Order("break", "mallory", "mine", lease="broken"))
        told = await runs.order(first, Order("break", "carol", "theirs leads", lease="broken"))
        assert told.message == "`broken` is broken"
        asked = await waiting(second)
        await runs.decide(first, approve(request, "carol"))
        view = await seen(first, lambda view: view.parked)
        assert (view.phase, [each.state for each in view.leases]) == ("queuing", ["broken"])
        await runs.order(first, Order("release", "carol", "they are done"))
        view = await queuing(first)
        assert view.leases[0].holders[0].run == second.id
        await runs.decide(second, approve(asked))
        assert (await second.result()).outcome == "succeeded"
        assert (await first.result()).outcome == "succeeded"


async def test_two_runs_with_two_locks_never_wait_for_each_other(client: Client) -> None:
    """Written in opposite order, and many at once."""
    quick = change(approval=None, unattended="a test", on_failure="stop")
    both = [plan(quick, locks=("dl/a", "dl/b")), plan(quick, locks=("dl/b", "dl/a"))]
    world, most = World(helping), 0
    under_way: set[str] = set()

    async def slowly(task: ActionTask) -> ActionReport:
        nonlocal most
        under_way.add(task.key)
        most = max(most, len(under_way))
        await asyncio.sleep(0)
        under_way.discard(task.key)
        return helping(task)

    world.answer = slowly
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handles = [await started(client, both[number % 2], f"dl-{number}") for number in range(6)]
        for handle in handles:
            assert (await handle.result()).outcome == "succeeded"
    assert most == 1


async def test_the_lease_is_held_while_what_was_changed_is_taken_back(client: Client) -> None:
    world, go = World(helping), asyncio.Event()

    async def slow_back(task: ActionTask) -> ActionReport:
        if task.call.params.get("run", [""])[0] == "unfix":
            await go.wait()
        return helping(task)

    world.answer = slow_back
    async with world.worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, plan(change(), change("more"), locks=("undo",)), "undo-1")
        await runs.decide(first, approve(await waiting(first)))
        await seen(first, lambda view: view.ledger)
        second = await started(client, fix("undo"), "undo-2")
        await queuing(second)
        await runs.order(first, Order("undo", "alice", "it was wrong"))
        await seen(first, lambda view: view.phase == "undoing")
        assert (await runs.view(first)).leases[0].state == "held"
        assert (await runs.view(second)).leases[0].state == "waiting"
        go.set()
        await waiting(second)
        assert (await runs.view(first)).ledger[0].undone
        await second.terminate()


async def test_a_child_waits_for_its_own_locks_alone(client: Client) -> None:
    inner = Plan("inner", "Inner", "recovery", "sre", (read("in"),), locks=("child",))
    call = Step(id="call", title="Call", child=Child("inner"))
    outer = plan(read(), call, read("then"), children={"inner": inner})
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("child"), "child-1")
        await waiting(first)
        second = await started(client, outer, "child-2")
        await queuing(second)
        assert [task.step for task in world.tasks] == ["look", "look"]
        await runs.abort(first, Abort("alice", "no"))
        await second.result()
        assert [task.step for task in world.tasks][2:] == ["call/in", "then"]


async def test_drills_and_live_runs_share_leases(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        drill = await started(client, fix("drill"), "drill-1", mode="drill")
        await waiting(drill)
        live = await started(client, fix("drill"), "drill-2")
        view = await queuing(live)
        assert "drill, started by" in view.timeline[-2].text
        dry = await started(client, fix("drill"), "drill-3", mode="dry_run")
        await waiting(dry)
        for handle in (drill, live, dry):
            await handle.terminate()


async def test_a_run_that_was_reset_goes_on_with_what_it_had(client: Client, often: None) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("reset"), "reset-1")
        await waiting(first)
        second = await started(client, fix("reset"), "reset-2")
        await queuing(second)
        history = await first.fetch_history()
        task = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        last = [event.event_id for event in history.events if event.event_type == task][-1]
        execution = WorkflowExecution(workflow_id=first.id, run_id=(await first.describe()).run_id)
        await client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=execution,
                reason="a test",
                request_id="reset",
                workflow_task_finish_event_id=last,
            )
        )
        await waiting(handle_of(client, first.id))
        looks = (await client.get_workflow_handle("lease/reset").describe()).history_length
        while (await client.get_workflow_handle("lease/reset").describe()).history_length < looks + 30:
            await asyncio.sleep(0.1)
        held = await lease(client, "reset")
        assert (of(held.holders), of(held.queue)) == ([first.id], [second.id])
        await handle_of(client, first.id).terminate()
        await waiting(second)
        await second.terminate()


async def test_a_run_ends_well_whose_lease_was_ended_in_temporal(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        first = await started(client, fix("ended"), "ended-1")
        await waiting(first)
        await client.get_workflow_handle("lease/ended").terminate()
        await runs.abort(first, Abort("alice", "no"))
        assert (await runs.settled(first, await runs.view(first))).outcome == "aborted"


async def test_a_lease_outlives_its_history(tmp_path: Path, often: None) -> None:
    flags = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40")
    with start_temporal(tmp_path, flags=flags) as server:
        client = await server.client()
        async with World(helping).worker(client), asyncio.timeout(PATIENCE):
            first = await started(client, fix("long"), "long-1")
            request = await waiting(first)
            second = await started(client, fix("long"), "long-2")
            await queuing(second)
            handle = client.get_workflow_handle("lease/long")
            execution = (await handle.describe()).run_id
            while (await handle.describe()).run_id == execution:
                await asyncio.sleep(0.1)
            held = await lease(client, "long")
            assert (of(held.holders), of(held.queue)) == ([first.id], [second.id])
            await runs.decide(first, approve(request))
            await runs.decide(second, approve(await waiting(second)))
            assert (await second.result()).outcome == "succeeded"


async def test_hours_of_holding_are_told_to_whoever_commands(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    wait = Step(id="rest", title="Rest", wait="150m")
    async with world.worker(skipping.client), asyncio.timeout(PATIENCE):
        run = await started(skipping.client, plan(wait, locks=("hours",)), "hours")
        async with skipping.time_skipping_unlocked():  # type: ignore[attr-defined]
            await run.result()
    told = [task.text.split(": ", 1)[1] for task in world.pages]
    assert told == ["has held `hours` for 1h", "has held `hours` for 2h"]


async def test_what_nobody_holds_ends_by_itself(skipping: WorkflowEnvironment) -> None:
    async with World(helping).worker(skipping.client), asyncio.timeout(PATIENCE):
        gone = Claim("run/none/nobody", "none", "x#1", granted=1.0)
        handle: Run = await skipping.client.start_workflow(
            WORKFLOW_LEASE,
            LeaseInput(LeaseView("idle", holders=(gone,))),
            id="lease/idle",
            task_queue=TASK_QUEUE,
        )
        assert await handle.result() is None
