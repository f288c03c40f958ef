"""Find runs, read them, and answer them. Errors are sentences for a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import uuid4

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import FailureError
from temporalio.service import RPCError, RPCStatusCode

from stanch.client.start import run_id
from stanch.contract import (
    QUERY_PLAN,
    QUERY_STATE,
    SEARCH_PHASE,
    SEARCH_RUNBOOK,
    SEARCH_SERVICE,
    SEARCH_SEVERITY,
    UPDATE_ABORT,
    UPDATE_DECIDE,
    UPDATE_ORDER,
    Abort,
    Accepted,
    Decision,
    Order,
    RunView,
)
from stanch.errors import EngineUnavailable, IllegalDecision, InvalidInput
from stanch.language.plan import Plan

T = TypeVar("T")

WORKER_PATIENCE = 10.0
"""Seconds for an answer that a worker has to give; without a worker Temporal would wait for minutes."""
_AGAIN = 0.2
_TASK_FAILED = "unexpected workflow task failure"
"""Temporal's words."""
_IS_ONE = "is a worker running (`stanch up`)?"


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list; moments are seconds since the epoch, `ended` 0.0 while it runs."""

    run: str
    runbook: str
    phase: str
    status: str
    severity: str
    service: str
    started: float
    ended: float


async def list_runs(
    client: Client, *, open_only: bool = False, limit: int = 50, first: Sequence[str] = ()
) -> list[RunLine]:
    """The newest runs first; before them, however old, the open ones in one of the phases `first`."""
    query = f"{SEARCH_RUNBOOK} IS NOT NULL" + (" AND ExecutionStatus = 'Running'" if open_only else "")
    lines: list[RunLine] = []
    if first:
        phases = ", ".join(f"'{phase}'" for phase in first)
        waiting = f"{SEARCH_PHASE} IN ({phases}) AND ExecutionStatus = 'Running'"
        lines = [line async for line in _lines(client, waiting, limit)]
    there = {(line.run, line.started) for line in lines}
    others = [line async for line in _lines(client, query, limit)]
    return [*lines, *(line for line in others if (line.run, line.started) not in there)][:limit]


async def _lines(client: Client, query: str, limit: int) -> AsyncIterator[RunLine]:
    async for found in client.list_workflows(query, limit=limit):
        held = {pair.key.name: pair.value for pair in found.typed_search_attributes}
        yield RunLine(
            run=found.id,
            runbook=found.workflow_type,
            phase=str(held.get(SEARCH_PHASE, "")),
            status=found.status.name.lower() if found.status else "unknown",
            severity=str(held.get(SEARCH_SEVERITY, "")),
            service=str(held.get(SEARCH_SERVICE, "")),
            started=found.start_time.timestamp(),
            ended=found.close_time.timestamp() if found.close_time else 0.0,
        )


async def resolve(client: Client, name: str) -> WorkflowHandle[object, object]:
    """The run that `name` means: its id, its id without `run/`, or a part of its id that no other run has, or
    no other that goes on.

    Raises InvalidInput with the nearest candidates.
    """
    for candidate in (name, f"run/{name}") if "/" in name else (run_id(name, ""),):
        if await _exists(client, candidate):
            return client.get_workflow_handle(candidate)
    matches = [line for line in await list_runs(client, limit=200) if name in line.run]
    going_on = list(dict.fromkeys(line.run for line in matches if not line.ended))
    distinct = going_on if len(going_on) == 1 else list(dict.fromkeys(line.run for line in matches))
    if len(distinct) == 1:
        return client.get_workflow_handle(distinct[0])
    if distinct:
        raise InvalidInput(f"`{name}` could be any of: " + ", ".join(distinct[:5]))
    raise InvalidInput(f"there is no run `{name}`; list them with `stanch runs`")


async def _exists(client: Client, run: str) -> bool:
    try:
        await client.get_workflow_handle(run).describe()
    except RPCError as error:
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
            return False
        raise EngineUnavailable(f"Temporal did not answer: {error.message}") from error
    return True


async def view(handle: WorkflowHandle[object, object]) -> RunView:
    """All of the run as it stands, ended or not, as long as a worker runs. Raises EngineUnavailable."""
    return await _read(handle, QUERY_STATE, RunView)


async def plan(handle: WorkflowHandle[object, object]) -> Plan:
    """The Plan that the run is pinned to. Raises EngineUnavailable."""
    return await _read(handle, QUERY_PLAN, Plan)


async def _read(handle: WorkflowHandle[object, object], query: str, kind: type[T]) -> T:
    try:
        async with asyncio.timeout(WORKER_PATIENCE):
            seen: T = await handle.query(query, result_type=kind)
    except (RPCError, WorkflowQueryFailedError) as error:
        raise EngineUnavailable(
            f"the run `{handle.id}` cannot be read: {error.message}; {_IS_ONE}"
        ) from error
    except (TimeoutError, RPCTimeoutOrCancelledError) as error:
        raise EngineUnavailable(
            f"the run `{handle.id}` cannot be read: no worker answers within {WORKER_PATIENCE:g} s; {_IS_ONE}"
        ) from error
    return seen


async def settled(handle: WorkflowHandle[object, object], seen: RunView) -> RunView:
    """`seen`; but as aborted, with nothing asked any more, if the run was ended behind its workflow's back
    (terminated, timed out), which no workflow can tell of itself."""
    if seen.outcome is not None:
        return seen
    closed = await handle.describe()
    if closed.status in (None, WorkflowExecutionStatus.RUNNING):
        return seen
    last = await view(handle)
    if last.outcome is not None:
        return last
    reason = f"its workflow was {closed.status.name.lower().replace('_', ' ')} in Temporal itself"
    borrowed = (each for each in last.ledger if each.reverts is not None or each.later is not None)
    if any(not each.undone and not each.left_to for each in borrowed):
        reason += "; what it has borrowed does not come back by itself any more (`stanch undo`)"
    return replace(
        last,
        phase="aborted",
        outcome="aborted",
        reason=reason,
        ended=closed.close_time.timestamp() if closed.close_time else 0.0,
        requests=(),
    )


async def decide(handle: WorkflowHandle[object, object], decision: Decision) -> Accepted:
    """Give a person's answer. Raises IllegalDecision with the reason when it is refused."""
    return await update(handle, UPDATE_DECIDE, decision)


async def abort(handle: WorkflowHandle[object, object], order: Abort) -> Accepted:
    """End the run at the next safe point. Raises IllegalDecision."""
    return await update(handle, UPDATE_ABORT, order)


async def order(handle: WorkflowHandle[object, object], given: Order) -> Accepted:
    """Take the wheel of a run. Raises IllegalDecision with the reason when the order is refused."""
    return await update(handle, UPDATE_ORDER, given)


async def update(
    handle: WorkflowHandle[object, object], name: str, arg: Decision | Abort | Order
) -> Accepted:
    """Send the Update `name` and wait for its answer. Raises IllegalDecision, EngineUnavailable."""
    try:
        async with asyncio.timeout(WORKER_PATIENCE):
            return await _told(handle, name, arg)
    except (TimeoutError, RPCTimeoutOrCancelledError) as error:
        raise EngineUnavailable(
            f"no worker has taken the answer within {WORKER_PATIENCE:g} s, and one still may; {_IS_ONE}"
        ) from error
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        raise IllegalDecision(cause.message if isinstance(cause, FailureError) else str(cause)) from error
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise IllegalDecision(
                f"the run `{handle.id}` has ended and takes nothing any more; "
                "what it changed, and the way back, stands in `stanch show`"
            ) from error
        raise EngineUnavailable(f"Temporal did not take the answer: {error.message}") from error


async def _told(handle: WorkflowHandle[object, object], name: str, arg: Decision | Abort | Order) -> Accepted:
    """Where the worker failed in the task that brought it, nothing was taken, and the next task will: told
    again under the same id, it is taken once. Raises what `update` sorts."""
    number = uuid4().hex
    while True:
        try:
            accepted: Accepted = await handle.execute_update(name, arg, id=number, result_type=Accepted)
        except RPCError as error:
            if _TASK_FAILED not in error.message:
                raise
            await asyncio.sleep(_AGAIN)
        else:
            return accepted
