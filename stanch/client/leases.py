"""Ask leases, and read them. Errors are sentences for a person."""

from __future__ import annotations

import asyncio

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from stanch.client.runs import WORKER_PATIENCE
from stanch.contract import (
    QUERY_LEASES,
    QUERY_STATE,
    TASK_QUEUE,
    UPDATE_ASK,
    WORKFLOW_LEASE,
    Claim,
    LeaseAnswer,
    LeaseInput,
    LeaseView,
    RunLease,
)
from stanch.errors import EngineUnavailable


def lease_id(name: str) -> str:
    """The id of its workflow."""
    return f"lease/{name}"


async def ask(client: Client, name: str, claim: Claim) -> LeaseAnswer:
    """How the claim on the lease `name` stands; from the first time on it is in the queue. Begins the lease
    if it has not begun. Raises EngineUnavailable, after which it may be asked again."""
    start: WithStartWorkflowOperation[object, None] = WithStartWorkflowOperation(
        WORKFLOW_LEASE,
        LeaseInput(LeaseView(name)),
        id=lease_id(name),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"Lease on {name}",
    )
    try:
        async with asyncio.timeout(WORKER_PATIENCE):
            answer: LeaseAnswer = await client.execute_update_with_start_workflow(
                UPDATE_ASK, claim, start_workflow_operation=start, result_type=LeaseAnswer
            )
    except (TimeoutError, RPCTimeoutOrCancelledError) as error:
        raise EngineUnavailable(f"the lease `{name}` did not answer within {WORKER_PATIENCE:g} s") from error
    except (RPCError, WorkflowUpdateFailedError) as error:
        # It may have ended just now, with nobody in it; the next time it begins.
        raise EngineUnavailable(f"the lease `{name}` cannot be reached: {error}") from error
    return answer


async def still_wanted(client: Client, name: str, claim: Claim) -> bool:
    """Whether the run of the claim is there and says that it holds it or waits for it. A run that cannot be
    asked now is taken to want it: nothing is taken from it for being slow."""
    handle: WorkflowHandle[object, object] = client.get_workflow_handle(claim.run)
    try:
        # The newest execution: one that was reset goes on with what the one before was granted.
        found = await handle.describe()
        if found.status != WorkflowExecutionStatus.RUNNING:
            return False
        async with asyncio.timeout(WORKER_PATIENCE):
            wanted: list[RunLease] = await handle.query(QUERY_LEASES, result_type=list[RunLease])
    except RPCError as error:
        return error.status != RPCStatusCode.NOT_FOUND
    except (TimeoutError, RPCTimeoutOrCancelledError, WorkflowQueryFailedError):
        return True
    return any((each.name, each.execution, each.id) == (name, claim.execution, claim.id) for each in wanted)


async def list_leases(client: Client, *, limit: int = 200) -> list[LeaseView]:
    """Every lease that somebody holds or waits for, by name. Raises EngineUnavailable."""
    query = f"WorkflowType = '{WORKFLOW_LEASE}' AND ExecutionStatus = 'Running'"
    try:
        names = [found.id async for found in client.list_workflows(query, limit=limit)]
    except RPCError as error:
        raise EngineUnavailable(f"Temporal did not answer: {error.message}") from error
    found = await asyncio.gather(*(_view(client, name) for name in names))
    return sorted((each for each in found if each.holders or each.queue), key=lambda each: each.name)


async def _view(client: Client, workflow: str) -> LeaseView:
    handle: WorkflowHandle[object, object] = client.get_workflow_handle(workflow)
    try:
        async with asyncio.timeout(WORKER_PATIENCE):
            seen: LeaseView = await handle.query(QUERY_STATE, result_type=LeaseView)
    except (RPCError, WorkflowQueryFailedError) as error:
        raise EngineUnavailable(f"`{workflow}` cannot be read: {error.message}") from error
    except (TimeoutError, RPCTimeoutOrCancelledError) as error:
        raise EngineUnavailable(
            f"`{workflow}` cannot be read: no worker answers within {WORKER_PATIENCE:g} s; "
            "is a worker running (`stanch up`)?"
        ) from error
    return seen
