"""Hold fire for a whole incident, on a real server: runs in flight, runs to come, and runs that are gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer

from stanch.client import incidents, runs
from stanch.client.joining import incident_id, join
from stanch.client.payloads import data_converter
from stanch.client.runner import workflow_runner
from stanch.config import Config, Policy
from stanch.contract import (
    TASK_QUEUE,
    WORKFLOW_INCIDENT,
    Abort,
    IncidentInput,
    IncidentRef,
    IncidentView,
    Member,
    Order,
    PublicKey,
    RunView,
)
from stanch.errors import IllegalDecision, InvalidInput
from stanch.language.plan import Plan, Revert
from stanch.proof import key_id, public_text, sign
from tests.support.plans import change, plan, read
from tests.support.temporal import TemporalServer, start_temporal
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from workflows.incident import IncidentWorkflow

PATIENCE = 30.0
FIX: Plan = plan(read(), change())


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


def hold(incident: str, by: str = "alice") -> Order:
    return Order("hold", by=by, reason="the wrong cluster", incident=incident)


def release(incident: str, by: str = "alice") -> Order:
    return Order("release", by=by, reason="it is the right one", incident=incident)


async def started(
    client: Client, incident: str, key: str, config: Config | None = None
) -> WorkflowHandle[Any, Any]:
    run = await begin(client, FIX, f"{incident}-{key}", config, incident=IncidentRef(incident, "SEV2"))
    return handle_of(client, run)


async def seen(handle: WorkflowHandle[Any, Any], holds: Callable[[RunView], object]) -> RunView:
    async with asyncio.timeout(PATIENCE):
        while not holds(view := await runs.view(handle)):
            await asyncio.sleep(0.02)
    return view


async def test_a_hold_freezes_runs_in_flight_and_to_come_while_diagnosis_goes_on(client: Client) -> None:
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handles = [await started(client, "frozen", key) for key in ("a", "b")]
        asked = [await waiting(handle) for handle in handles]
        accepted = await incidents.order(client, hold("frozen"))
        assert accepted.message == "the incident frozen is on hold (2 of 2 runs)"
        reads = len(world.tasks)
        handles.append(await started(client, "frozen", "later"))
        asked.append(await waiting(handles[-1]))
        assert len(world.tasks) == reads + 1, "the later run has looked, as those before it"
        for handle, request in zip(handles, asked, strict=True):
            await runs.decide(handle, approve(request))
            view = await seen(handle, lambda view: view.parked)
            assert (view.parked, "alice put the incident frozen on hold" in view.held) == (("fix",), True)
        assert world.changes == []
        accepted = await incidents.order(client, release("frozen"))
        assert accepted.message == "the incident frozen is released (3 of 3 runs)"
        for handle in handles:
            assert (await handle.result()).outcome == "succeeded"
        assert len(world.changes) == 3
        history = await client.get_workflow_handle(incident_id("frozen")).fetch_history()
    replayer = Replayer(
        workflows=[IncidentWorkflow],
        data_converter=data_converter,
        workflow_runner=workflow_runner(sandboxed=True),
    )
    await replayer.replay_workflow(history)


async def test_a_run_that_has_ended_is_no_error_and_drops_out(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        ended, open_one = [await started(client, "half", key) for key in ("a", "b")]
        await waiting(ended)
        await waiting(open_one)
        await runs.abort(ended, Abort("alice", "not this one"))
        await ended.result()
        assert (await incidents.order(client, hold("half"))).message.endswith("on hold (1 of 1 runs)")
        view = await incidents.view(client, "half")
        assert [(member.run, member.held) for member in view.members] == [(open_one.id, True)]
        await open_one.terminate()
        assert "no run is open" in (await incidents.order(client, release("half"))).message


async def test_a_release_that_a_run_refuses_leaves_the_incident_on_hold(client: Client) -> None:
    config = Config(policy=Policy(roles={"incident_commander": ("carol",)}))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handle = await started(client, "theirs", "a", config)
        await waiting(handle)
        await incidents.order(client, hold("theirs", by="bob"))
        with pytest.raises(IllegalDecision, match=r"stays on hold: run/.*bob"):
            await incidents.order(client, release("theirs", by="bob"))
        view = await incidents.view(client, "theirs")
        assert (bool(view.held), [member.held for member in view.members]) == (True, [True])
        later = await started(client, "theirs", "b", config)
        assert (await seen(later, lambda view: view.held)).holds.keys() == {"theirs"}
        await incidents.order(client, release("theirs", by="carol"))
        assert not (await runs.view(handle)).held
        assert not (await runs.view(later)).held
        await handle.terminate()
        await later.terminate()


async def test_a_run_that_was_about_to_start_is_held_as_soon_as_it_is_there(client: Client) -> None:
    """It has joined before the hold and starts after it, so nobody has told it at its start."""
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        assert await join(client, "race", "run/rollback-release/race-a") == ""
        accepted = await incidents.order(client, hold("race"))
        assert "still being told: run/rollback-release/race-a" in accepted.message
        handle = handle_of(client, await begin(client, FIX, "race-a"))
        await seen(handle, lambda view: view.holds.keys() == {"race"})
        await handle.terminate()


async def test_what_an_execution_has_not_told_the_next_one_tells(client: Client) -> None:
    """As after it has continued as new."""
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, FIX, "next-a"))
        await waiting(handle)
        state = IncidentView(
            "next", held="held", order=hold("next"), members=(Member(handle.id, 0.0, pending=True),)
        )
        await client.start_workflow(
            WORKFLOW_INCIDENT, IncidentInput(state), id=incident_id("next"), task_queue=TASK_QUEUE
        )
        await seen(handle, lambda view: view.holds.keys() == {"next"})
        await handle.terminate()


async def test_an_order_that_makes_no_sense_is_refused_and_writes_nothing(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        await join(client, "calm", "run/none/none")
        handle = client.get_workflow_handle(incident_id("calm"))
        before = (await handle.describe()).history_length
        with pytest.raises(IllegalDecision, match="is not on hold"):
            await incidents.order(client, release("calm"))
        with pytest.raises(IllegalDecision, match="needs a reason"):
            await incidents.order(client, Order("hold", by="alice", incident="calm"))
        assert (await handle.describe()).history_length == before
        with pytest.raises(InvalidInput, match="there is no incident `typo`"):
            await incidents.order(client, hold("typo"))


async def test_a_run_that_is_left_behind_belongs_to_the_incident_too(client: Client) -> None:
    borrow = change("borrow", revert=Revert("after", after="1h"))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        ref = IncidentRef("lent", "SEV2")
        handle = handle_of(client, await begin(client, plan(borrow), "lent-a", incident=ref))
        await runs.decide(handle, approve(await waiting(handle)))
        assert (await handle.result()).outcome == "succeeded"
        behind = handle_of(client, f"{handle.id}/return-1")
        assert not (await runs.view(behind)).held
        assert (await incidents.order(client, hold("lent"))).message.endswith("on hold (1 of 1 runs)")
        assert (await runs.view(behind)).holds.keys() == {"lent"}
        await behind.terminate()


async def test_an_incident_goes_on_as_new_when_its_history_has_grown(tmp_path: Path) -> None:
    """With a server that suggests it early; who joined before is held after."""
    flags = ("--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=30")
    with start_temporal(tmp_path, flags=flags) as server:
        client = await server.client()
        async with World(helping).worker(client), asyncio.timeout(PATIENCE * 2):
            handle = await started(client, "long", "a")
            await waiting(handle)
            first = (await client.get_workflow_handle(incident_id("long")).describe()).run_id
            for number in range(20):
                await join(client, "long", f"run/none/{number}")
            incident = client.get_workflow_handle(incident_id("long"))
            while (await incident.describe()).run_id == first:
                await asyncio.sleep(0.05)
            await incidents.order(client, hold("long"))
            assert (await seen(handle, lambda view: view.held)).holds.keys() == {"long"}
            await handle.terminate()


async def test_one_signature_is_believed_by_the_incident_and_by_each_of_its_runs(client: Client) -> None:
    private = Ed25519PrivateKey.generate()
    public = public_text(private)
    key = PublicKey(key_id(public), public, speaks_for=("alice",))
    config = Config(policy=Policy(unsigned="refuse", keys=(key,)))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handles = [await started(client, "strict", name, config) for name in ("a", "b")]
        with pytest.raises(IllegalDecision, match="takes nothing without a proof"):
            await incidents.order(client, hold("strict"))
        order = sign(private, hold("strict"), "", 0.0, at=time.time(), nonce="once")
        assert (await incidents.order(client, order)).message.endswith("on hold (2 of 2 runs)")
        for handle in handles:
            view = await runs.view(handle)
            assert f"verified, key {key.id}" in str(view.timeline)
            await handle.terminate()
