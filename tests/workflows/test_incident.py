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
from temporalio.testing import WorkflowEnvironment
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
    RunPolicy,
    RunView,
)
from stanch.errors import IllegalDecision, InvalidInput
from stanch.language.plan import Plan, Revert
from stanch.proof import key_id, public_text, sign
from tests.support.plans import change, plan, read
from tests.support.temporal import TemporalServer, binary, start_temporal
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


async def test_one_signature_lets_a_key_in_for_the_incident_and_for_its_runs(client: Client) -> None:
    old, new = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    config = Config(policy=Policy(unsigned="refuse", keys=(alices(old),)))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handles = [await started(client, "rotated", name, config) for name in ("a", "b")]
        by_new = sign(new, hold("rotated"), "", 0.0, at=time.time(), nonce="hold")
        with pytest.raises(IllegalDecision, match="not one that this run believes"):
            await incidents.order(client, by_new)
        order = Order("trust", by="alice", incident="rotated", key=alices(new))
        told = await incidents.order(client, sign(old, order, "", 0.0, at=time.time(), nonce="trust"))
        assert told.message.endswith("and so do 2 of its runs")
        assert (await incidents.order(client, by_new)).message.endswith("on hold (2 of 2 runs)")
        for handle in handles:
            assert (await runs.view(handle)).held
            await handle.terminate()


def alices(private: Ed25519PrivateKey) -> PublicKey:
    public = public_text(private)
    return PublicKey(key_id(public), public, speaks_for=("alice",))


async def test_an_incident_that_begins_with_what_a_run_left_behind_has_its_keys(client: Client) -> None:
    """Not with none: then anybody could release it. Here somebody has ended the incident in Temporal."""
    private = Ed25519PrivateKey.generate()
    config = Config(policy=Policy(unsigned="refuse", keys=(alices(private),)))
    borrow = change("borrow", revert=Revert("after", after="1h"))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        ref = IncidentRef("orphaned", "SEV2")
        handle = handle_of(client, await begin(client, plan(borrow), "orphaned-a", config, incident=ref))
        request, view = await waiting(handle), await runs.view(handle)
        await client.get_workflow_handle(incident_id("orphaned")).terminate()
        at = time.time()
        await runs.decide(handle, sign(private, approve(request), handle.id, view.started, at=at, nonce="n"))
        assert (await handle.result()).outcome == "succeeded"
        seen_again = await incidents.view(client, "orphaned")
        assert (seen_again.unsigned, seen_again.keys) == ("refuse", (alices(private),))
        await client.get_workflow_handle(f"{handle.id}/return-1").terminate()


async def test_open_incidents_are_listed_with_what_holds_them(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handles = [await started(client, "listed", key) for key in ("a", "b")]
        await incidents.order(client, hold("listed"))
        while not (line := await listed(client, "listed")).held or line.runs < 2:
            await asyncio.sleep(0.05)
        assert (line.held, line.ended) == ((await incidents.view(client, "listed")).held, 0.0)
        await incidents.order(client, release("listed"))
        while (await listed(client, "listed")).held:
            await asyncio.sleep(0.05)
        for handle in handles:
            await handle.terminate()


async def listed(client: Client, incident: str) -> incidents.IncidentLine:
    """As soon as Temporal's list, which comes a little later, has it."""
    while True:
        for line in await incidents.list_incidents(client):
            if line.incident == incident:
                return line
        await asyncio.sleep(0.05)


async def skipping() -> WorkflowEnvironment:
    return await WorkflowEnvironment.start_time_skipping(
        data_converter=data_converter, test_server_existing_path=str(binary("temporal-test-server"))
    )


async def test_an_incident_ends_some_minutes_after_its_last_run() -> None:
    async with await skipping() as env, World(helping).worker(env.client), asyncio.timeout(PATIENCE * 2):
        # Joined long ago, and never seen.
        state = IncidentView("over", members=(Member("run/none/gone", 0.0),))
        handle = await env.client.start_workflow(
            WORKFLOW_INCIDENT, IncidentInput(state), id=incident_id("over"), task_queue=TASK_QUEUE
        )
        await handle.result()
        view = await incidents.view(env.client, "over")
        assert [each.kind for each in view.timeline] == ["left", "ended"]
        with pytest.raises(incidents.NoIncident, match="begins anew with the next run"):
            await incidents.order(env.client, hold("over"))


async def test_an_incident_on_hold_stays_without_any_run() -> None:
    async with await skipping() as env, World(helping).worker(env.client), asyncio.timeout(PATIENCE * 2):
        state = IncidentView("quiet", held="alice put it on hold", order=hold("quiet"))
        handle = await env.client.start_workflow(
            WORKFLOW_INCIDENT, IncidentInput(state), id=incident_id("quiet"), task_queue=TASK_QUEUE
        )
        await env.sleep(3 * 3600)
        assert (await incidents.view(env.client, "quiet")).held
        await incidents.order(env.client, release("quiet"))
        await handle.result()


async def test_a_run_begins_an_incident_that_has_ended_anew_with_its_keys(
    client: Client,
) -> None:
    policy = RunPolicy(keys=(alices(Ed25519PrivateKey.generate()),))
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        await join(client, "anew", "run/none/first")
        await client.get_workflow_handle(incident_id("anew")).terminate()
        assert await join(client, "anew", "run/none/second", policy) == ""
        view = await incidents.view(client, "anew")
        assert ([member.run for member in view.members], view.keys) == (["run/none/second"], policy.keys)
