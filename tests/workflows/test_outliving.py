"""What outlives a run: a borrowed change that comes back days later, by a run of its own."""

from __future__ import annotations

from temporalio.testing import WorkflowEnvironment

from stanch.client import runs
from stanch.contract import Order
from stanch.language.plan import Approval, Revert
from stanch.visibility import SEVERITY
from tests.support.plans import change, plan
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from tests.workflows.test_runbook import result


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
        assert [task.call.params["run"][0] for task in world.changes] == ["fix"]
        later = handle_of(skipping.client, f"{handle.id}/return-1")
        assert (await later.describe()).workflow_type == "put-back"
        assert (await result(skipping, later)).outcome == "succeeded"
        view = await runs.view(later)
    assert [task.call.params["run"][0] for task in world.changes] == ["fix", "unfix"]
    assert view.ended - view.started >= 72 * 3600
    assert view.started_by == f"run:{handle.id}"


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
