"""A run joins its incident before it starts, so that no hold can miss it."""

from __future__ import annotations

import asyncio
import re

from temporalio.client import Client, RPCTimeoutOrCancelledError, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from stanch.contract import (
    TASK_QUEUE,
    UPDATE_JOIN,
    WORKFLOW_INCIDENT,
    IncidentInput,
    IncidentView,
    Join,
    RunPolicy,
)
from stanch.errors import EngineUnavailable, InvalidInput

PATIENCE = 10.0
"""Seconds: a worker has to answer."""
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


def incident_name(incident: str) -> str:
    """The incident's own id, without `incident/`. Raises InvalidInput for what is none."""
    name = incident.removeprefix("incident/")
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"`{incident[:64]}` is no incident: at most 64 letters, digits and `.:_-`")
    return name


def incident_id(incident: str) -> str:
    """The id of its workflow. Raises InvalidInput."""
    return f"incident/{incident_name(incident)}"


async def join(client: Client, incident: str, run: str, policy: RunPolicy | None = None) -> str:
    """Why the run has to start on hold; empty when it does not. Begins the incident if it has not begun; it
    then believes the keys of `policy`.

    Raises EngineUnavailable when no worker answers, InvalidInput for what is no name of an incident.
    """
    policy = policy or RunPolicy()
    first = IncidentInput(IncidentView(incident_name(incident), unsigned=policy.unsigned, keys=policy.keys))
    try:
        async with asyncio.timeout(PATIENCE):
            held = await _joined(client, first, run)
    except (TimeoutError, RPCTimeoutOrCancelledError) as error:
        raise EngineUnavailable(
            f"the incident `{incident}` did not answer within {PATIENCE:g} s, so `{run}` was not started; "
            "is a worker running (`stanch up`)?"
        ) from error
    except RPCError as error:
        raise EngineUnavailable(f"the incident `{incident}` cannot be reached: {error.message}") from error
    return held


_ENDING = (RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED)
"""How Temporal says that the incident has ended in the very moment in which the run wanted to join it."""


async def _joined(client: Client, first: IncidentInput, run: str) -> str:
    while True:
        start: WithStartWorkflowOperation[object, None] = WithStartWorkflowOperation(
            WORKFLOW_INCIDENT,
            first,
            id=incident_id(first.state.id),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"Incident {first.state.id}",
        )
        try:
            held: str = await client.execute_update_with_start_workflow(
                UPDATE_JOIN, Join(run), start_workflow_operation=start, result_type=str
            )
        except RPCError as error:
            if error.status not in _ENDING:
                raise
            await asyncio.sleep(0.1)
        else:
            return held
