"""Groups and on-call schedules are asked like roles, from the YAML to the page and back to the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from stanch.client import runs
from stanch.config import load_config
from stanch.contract import Abort, Decision, RunView
from stanch.errors import IllegalDecision
from tests.drill.support import compiled
from tests.support.world import World, approve, begin, handle_of, helping, waiting

RUNBOOK = """\
steps:
  - id: promote
    title: Promote the replica
    approval: {from: [payments_db, primary], confirm: promote}
    ssh: {hosts: [db1], run: [promote]}
    effect: change
    idempotent: true
    irreversible: the old primary is gone
"""
POLICY = """\
policy:
  named: true
  roles:
    incident_commander: alice
  groups:
    payments_db: [bob, night]
  schedules:
    night: carol
    primary:
      - {person: dave, until: 2026-01-01}
      - {person: erin, from: 2026-01-01}
    spare: frank
"""


async def asked(client: Client, tmp_path: Path, key: str) -> WorkflowHandle[object, object]:
    path = tmp_path / "stanch.yaml"
    path.write_text(POLICY)
    run = await begin(client, compiled(RUNBOOK), key, load_config(path, {}), inputs={})
    return handle_of(client, run)


async def seen(handle: WorkflowHandle[object, object]) -> RunView:
    return await runs.view(handle)


async def test_a_group_and_a_schedule_answer_together_and_nobody_else(
    skipping: WorkflowEnvironment, tmp_path: Path
) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = await asked(skipping.client, tmp_path, "groups-1")
        request = await waiting(handle)
        assert request.holders == ("bob", "carol", "erin")
        for by in ("alice", "dave", "frank", "payments_db", "primary"):
            with pytest.raises(IllegalDecision, match="does not hold the role payments_db or primary"):
                await runs.decide(handle, _typed(approve(request, by)))
        await runs.decide(handle, _typed(approve(request, "carol")))
        await runs.decide(handle, _typed(approve(request, "erin")))
        await handle.result()
        assert [task.step for task in world.changes] == ["promote"]
        told = sorted((page.to, page.people) for page in world.pages if page.run == handle.id)
        assert told == [("payments_db", ("bob", "carol")), ("primary", ("erin",))]


async def test_two_of_the_same_group_are_not_both(skipping: WorkflowEnvironment, tmp_path: Path) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = await asked(skipping.client, tmp_path, "groups-2")
        request = await waiting(handle)
        with pytest.raises(IllegalDecision, match="type `promote` to confirm"):
            await runs.decide(handle, approve(request, "bob"))
        await runs.decide(handle, _typed(approve(request, "bob")))
        with pytest.raises(IllegalDecision, match="somebody else has already agreed as payments_db"):
            await runs.decide(handle, _typed(approve(request, "carol")))
        with pytest.raises(IllegalDecision, match="dave does not hold the role"):
            await runs.abort(handle, Abort("dave", "not now"))
        await runs.abort(handle, Abort("erin", "not now"))
        assert (await seen(handle)).outcome == "aborted"
        assert not world.changes


def _typed(decision: Decision) -> Decision:
    return Decision(decision.request, decision.choice, decision.by, decision.digest, confirm="promote")
