"""A run that began under one build of the worker ends under another, and can be rolled back to the first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from stanch.client import runs
from stanch.config import Config, TemporalConfig
from stanch.contract import REVISION, TASK_QUEUE, RunResult
from stanch.language.plan import FORMAT, Call, Step
from tests.support.plans import change, given, plan, rollback
from tests.support.temporal import TemporalServer, start_temporal
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from worker import build_worker, deployment


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """One of its own: once a queue has a current build, workers without one get nothing from it."""
    with start_temporal(tmp_path_factory.mktemp("versions")) as started:
        yield started


@contextlib.asynccontextmanager
async def working(server: TemporalServer, world: World, build: str) -> AsyncIterator[None]:
    """A worker of that build, with the options of production. Each process has a client of its own."""
    deployed = deployment(TemporalConfig(deployment="stanch", build=build))
    async with build_worker(await server.client(), world._activities(), deployed):
        yield


async def make_current(client: Client, build: str) -> None:
    """As `temporal worker deployment set-current-version` does; the server has to know the build's worker."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name="stanch", build_id=build
    )
    async with asyncio.timeout(30):
        while True:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError:
                await asyncio.sleep(0.1)
            else:
                return


async def builds(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Which build has completed a task of the run, in order, each once in a row."""
    found: list[str] = []
    async for event in handle.fetch_history_events():
        done = event.workflow_task_completed_event_attributes
        if event.HasField("workflow_task_completed_event_attributes"):
            build = done.deployment_version.build_id
            found += [build] if found[-1:] != [build] else []
    return found


async def test_a_run_begun_under_one_build_ends_under_the_next(server: TemporalServer) -> None:
    client, world = await server.client(), World(helping)
    two = plan(change("first"), change("second"))
    async with contextlib.AsyncExitStack() as old:
        await old.enter_async_context(working(server, world, "a"))
        await make_current(client, "a")
        handle = handle_of(client, await begin(client, two, "upgraded"))
        await runs.decide(handle, approve(await waiting(handle)))
        async with asyncio.timeout(30):
            while (request := await waiting(handle)).step != "second":
                await asyncio.sleep(0.05)
        async with working(server, world, "b"):
            await make_current(client, "b")
            # Drained: nobody of the old build is there any more.
            await old.aclose()
            await runs.decide(handle, approve(request))
            assert (await handle.result()).outcome == "succeeded"
    assert await builds(handle) == ["a", "b"]
    assert [task.step for task in world.changes] == ["first", "second"]


async def test_a_release_that_is_rolled_back_gives_its_runs_back(server: TemporalServer) -> None:
    client, world = await server.client(), World(helping)
    async with working(server, world, "c"):
        await make_current(client, "c")
        handle = handle_of(client, await begin(client, rollback(), "rolled-back"))
        request = await waiting(handle)
        async with working(server, world, "b"):
            await make_current(client, "b")
            await runs.decide(handle, approve(request))
            assert (await handle.result()).outcome == "succeeded"
    assert await builds(handle) == ["c", "b"]


async def test_a_zones_worker_of_no_build_serves_runs_of_every_build(server: TemporalServer) -> None:
    client, world, dmz = await server.client(), World(helping), World(helping)
    zoned = Step(id="there", call=Call("http", {"url": "http://x/there"}, zone="dmz"))
    async with build_worker(await server.client(), dmz._activities(), None, "dmz"):
        for build in ("d", "e"):
            async with working(server, world, build):
                await make_current(client, build)
                handle = handle_of(client, await begin(client, plan(zoned), f"zone-{build}"))
                async with asyncio.timeout(30):
                    assert (await handle.result()).outcome == "succeeded"
                assert await builds(handle) == [build]
    assert [task.step for task in dmz.tasks] == ["there", "there"]
    assert not world.tasks


def test_a_worker_tells_no_build_unless_a_deployment_is_configured() -> None:
    assert deployment(Config().temporal) is None
    told = deployment(TemporalConfig(deployment="stanch"))
    assert told is not None
    assert told.version.build_id


@pytest.mark.parametrize(
    "newer",
    [
        replace(given(rollback()), revision=REVISION + 1),
        replace(given(replace(rollback(), format=FORMAT + 1))),
    ],
    ids=["revision", "format"],
)
async def test_a_run_that_a_newer_release_began_waits_for_it(temporal: TemporalServer, newer: Any) -> None:
    """Its rules are not known here, and to guess them would be to act by other ones."""
    client, world = await temporal.client(), World(helping)
    async with world.worker(client):
        run = f"run/rollback-release/newer-{newer.revision}-{newer.plan.format}"
        handle = await client.start_workflow(
            "rollback-release", newer, id=run, task_queue=TASK_QUEUE, result_type=RunResult
        )
        async with asyncio.timeout(30):
            while not (said := await _failed_task(handle)):
                await asyncio.sleep(0.05)
        assert "a newer release began this run" in said
        assert not world.tasks
        await handle.terminate()


async def _failed_task(handle: WorkflowHandle[Any, Any]) -> str:
    async for event in handle.fetch_history_events():
        if event.HasField("workflow_task_failed_event_attributes"):
            return event.workflow_task_failed_event_attributes.failure.message
    return ""
