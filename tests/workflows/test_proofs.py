"""Proofs in the workflow, in the sandbox: what is refused leaves no trace, or one that all can read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from stanch.client import runs
from stanch.client.payloads import data_converter
from stanch.client.runner import workflow_runner
from stanch.config import Config, Policy
from stanch.contract import Abort, Decision, Order, Request, RunView
from stanch.errors import IllegalDecision
from stanch.proof import sign
from tests.support.keys import nonce, private, public
from tests.support.plans import rollback
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from tests.workflows.test_on_a_real_server import settled
from workflows.runbook import RunbookWorkflow

M = TypeVar("M", Decision, Abort, Order)

STRICT = Config(policy=Policy(unsigned="refuse", keys=(public("bob", "bob"), public("gateway"))))


class Strict:
    """A run that takes nothing without a proof, and waits for an approval."""

    def __init__(self, handle: WorkflowHandle[Any, Any], clock: Callable[[], float]) -> None:
        self.handle = handle
        self.clock = clock

    async def waiting(self) -> Request:
        return await waiting(self.handle)

    async def signed(self, message: M, name: str = "bob", run: str = "", late: float = 0.0) -> M:
        seen = await self.seen()
        at = self.clock() - late
        return sign(private(name), message, run or seen.run, seen.started, at=at, nonce=nonce())

    async def seen(self) -> RunView:
        return await runs.view(self.handle)

    async def length(self) -> int:
        return (await self.handle.describe()).history_length

    async def says(self, kind: str) -> list[str]:
        return [moment.text for moment in (await self.seen()).timeline if moment.kind == kind]


async def strict(client: Client, key: str, clock: Callable[[], float]) -> Strict:
    return Strict(handle_of(client, await begin(client, rollback(), key, STRICT)), clock)


async def skipped(environment: WorkflowEnvironment) -> Callable[[], float]:
    """The server's clock, which may be ahead of ours."""
    ahead = (await environment.get_current_time()).timestamp() - time.time()
    return lambda: time.time() + ahead


async def test_what_is_not_proven_is_refused_and_nothing_is_written(temporal: TemporalServer) -> None:
    """On a real server: the time-skipping one writes a workflow task for each Update that it hands over."""
    world = World(helping)
    client = await temporal.client()
    async with world.worker(client):
        run = await strict(client, "unproven", time.time)
        decision = approve(await run.waiting(), "bob")
        await settled(run.handle)
        before = await run.length()
        for refused, why in (
            (decision, "without a proof"),
            (await run.signed(decision, "mallory"), "is not one that this run believes"),
            (await run.signed(decision, run="run/rollback-release/other"), "another run"),
            (await run.signed(decision, late=400), "has expired"),
        ):
            with pytest.raises(IllegalDecision, match=why):
                await runs.decide(run.handle, refused)
        with pytest.raises(IllegalDecision, match="without a proof"):
            await runs.abort(run.handle, Abort("bob", "no"))
        with pytest.raises(IllegalDecision, match="proof"):
            await runs.order(run.handle, Order("trust", "bob", key=public("bob2", "bob")))
        assert await run.length() == before
        assert await run.says("refused") == []
        assert not world.changes
        await run.handle.terminate()


async def test_what_is_proven_is_taken_and_a_key_is_let_in(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        run = await strict(skipping.client, "p2", await skipped(skipping))
        decision = approve(await run.waiting(), "bob")
        await runs.order(run.handle, await run.signed(Order("trust", "bob", key=public("bob2", "bob"))))
        taken = await run.signed(decision, "bob2")
        await runs.decide(run.handle, taken)
        assert await run.says("decided") == [f"approve by bob (verified, key {public('bob2').id}, via cli)"]
        async with skipping.time_skipping_unlocked():  # type: ignore[attr-defined]
            await run.handle.result()
        history = await run.handle.fetch_history()
    assert world.changes
    replayer = Replayer(
        workflows=[RunbookWorkflow],
        data_converter=data_converter,
        workflow_runner=workflow_runner(sandboxed=True),
    )
    await replayer.replay_workflow(history)


async def test_a_raw_signal_is_seen_by_all_and_has_no_effect(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        run = await strict(skipping.client, "p3", await skipped(skipping))
        request = await run.waiting()
        raw = {"request": request.id, "digest": request.digest, "by": "bob"}
        await run.handle.signal("approve", raw)
        (refused,) = await run.says("refused")
        assert refused.startswith("approve by bob refused: this run takes nothing without a proof")
        assert (await run.waiting()).answers == ()
        assert not world.changes
        said = await run.signed(Decision(request.id, "deny", "bob", request.digest, "no", via="signal"))
        assert said.proof is not None
        proof = {name: getattr(said.proof, name) for name in said.proof.__slots__}
        await run.handle.signal("deny", {**raw, "reason": "no", "proof": proof})
        assert (await run.handle.result()).outcome == "denied"
        assert len(await run.says("refused")) == 1


async def test_the_key_that_signs_is_pinned_when_the_run_starts(skipping: WorkflowEnvironment) -> None:
    async with World(helping).worker(skipping.client):
        run = await strict(skipping.client, "p4", await skipped(skipping))
        order = Abort("carol", "over the gateway", via="api")
        await run.waiting()
        await runs.abort(run.handle, await run.signed(order, "gateway"))
        assert (await run.handle.result()).outcome == "aborted"
        assert await run.says("aborted") == [
            f"carol ends the run: over the gateway (verified, key {public('gateway').id}, via api)"
        ]
