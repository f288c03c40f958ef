"""Large runs on a real server, whose limits end a workflow without asking it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import Client

from activities.attempt.room import texts_within
from stanch.client import runs
from stanch.config import Config, Policy
from stanch.contract import Abort, ActionReport, ActionTask, limits
from stanch.errors import InvalidInput
from stanch.language.plan import Call, ForEach, Plan, Step
from tests.support.plans import change, plan, read
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, waiting

PATIENCE = 120.0
"""Seconds; a thousand activities on two busy cores."""


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


def fan(of: Step, items: int, *batches: int | str, **params: Any) -> Plan:
    call = Call("ssh", {"hosts": ["${{ host }}"], "run": ["app"], **params}, one=True)
    hosts = [f"web{number:04}.example.org" for number in range(items)]
    return plan(replace(of, call=call, for_each=ForEach("host", hosts, batches)))


def printing(text: str) -> World:
    """As a worker would, which cuts what the task has no room for."""
    return World(lambda task: ActionReport(texts_within({"rc": 0, "stdout": text}, task.room)[0]))


async def test_reads_that_are_told_more_than_a_message_holds(client: Client) -> None:
    """8 MB of orders: all in one workflow task, they would end the run."""
    world = printing("few")
    async with world.worker(client), asyncio.timeout(PATIENCE):
        run = await begin(client, fan(read("all"), 200, stdin="x" * 40_000), "orders", inputs={})
        assert (await handle_of(client, run).result()).outcome == "succeeded"
    assert len(world.tasks) == 200


async def test_reads_that_print_more_than_a_history_holds(client: Client) -> None:
    """60 MB of output, at once."""
    world = printing("x" * 200_000)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, fan(read("all"), 300), "prints", inputs={}))
        assert (await handle.result()).outcome == "succeeded"
        size = (await handle.describe()).raw_description.workflow_execution_info.history_size_bytes
    assert size < 30_000_000


async def test_hundreds_of_changes_are_shown_approved_made_and_listed(client: Client) -> None:
    world = printing("done")
    async with world.worker(client), asyncio.timeout(PATIENCE):
        made = fan(change("all"), 300, 1, "10%", "100%")
        handle = handle_of(client, await begin(client, made, "changes", inputs={}))
        request = await waiting(handle)
        assert len(request.changes) == 300
        await runs.decide(handle, approve(request))
        assert (await handle.result()).outcome == "succeeded"
        assert len((await runs.view(handle)).ledger) == 300
    assert len(world.changes) == 300


async def test_a_run_stops_before_its_history_ends_and_tells_whoever_commands(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an end that comes early."""
    monkeypatch.setattr(limits, "EVENTS", 120)
    world = printing("few")
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, fan(read("all"), 200, 5), "fills", inputs={}))
        while not (seen := await runs.view(handle)).full:
            assert seen.outcome is None
            await asyncio.sleep(0.05)
        while not world.pages:
            await asyncio.sleep(0.05)
        assert "events, and Temporal ends a run at 51,200" in world.pages[0].text
        before = len(world.tasks)
        assert before < 200
        assert "Nothing new begins" in (await handle.query("__temporal_workflow_metadata")).current_details
        await runs.abort(handle, Abort("alice", "the rest tomorrow"))
        assert (await handle.result()).outcome == "aborted"
    assert len(world.tasks) == before


async def test_what_is_stopped_before_it_was_ordered_never_begins(client: Client) -> None:
    """Of 200 orders of 100 kB, most still wait for their workflow task when the run is aborted."""

    async def held(task: ActionTask) -> ActionReport:
        await asyncio.sleep(0.2)
        return ActionReport({"rc": 0})

    world = World(held)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        made = fan(read("all"), 200, stdin="x" * 100_000)
        handle = handle_of(client, await begin(client, made, "recalled", inputs={}))
        while not world.tasks:
            await asyncio.sleep(0.01)
        await runs.abort(handle, Abort("alice", "enough"))
        assert (await handle.result()).outcome == "aborted"
    assert len(world.tasks) < 200


@pytest.mark.parametrize(
    ("inputs", "policy", "said"),
    [
        (
            {"hosts": ["web.example.org"] * 20_000},
            Policy(),
            "the inputs are .* most of it `hosts`, and 200 kB",
        ),
        (
            {},
            Policy(pools={"web": tuple(f"web{number}.example.org" for number in range(90_000))}),
            r"cannot be started with .* \(.* the policy, .*\), and 1.6 MB is the most",
        ),
    ],
    ids=["inputs", "policy"],
)
async def test_what_a_run_cannot_be_started_with_is_named(
    client: Client, inputs: dict[str, Any], policy: Policy, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        await begin(client, plan(read()), "too-large", Config(policy=policy), inputs=inputs)
