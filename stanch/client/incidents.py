"""Read incidents and give them orders. Errors are sentences for a person."""

from __future__ import annotations

import asyncio

from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from stanch.client import runs
from stanch.client.joining import incident_id
from stanch.contract import (
    QUERY_STATE,
    UPDATE_HOLD,
    UPDATE_RELEASE,
    Accepted,
    IncidentView,
    Order,
)
from stanch.errors import EngineUnavailable, InvalidInput


class NoIncident(InvalidInput):
    """There is no incident of that name."""


_UPDATES = {"hold": UPDATE_HOLD, "release": UPDATE_RELEASE}


async def order(client: Client, given: Order) -> Accepted:
    """Hold the fire of the incident that `given` names, or release it; the answer says of each run that did
    not obey why. Raises IllegalDecision, NoIncident, EngineUnavailable.
    """
    if given.verb not in _UPDATES:
        raise InvalidInput(f"an incident takes `hold` and `release`, not `{given.verb}`")
    return await runs.update(await _handle(client, given.incident), _UPDATES[given.verb], given)


async def view(client: Client, incident: str) -> IncidentView:
    """The incident as it stands. Raises NoIncident, EngineUnavailable."""
    handle = await _handle(client, incident)
    try:
        async with asyncio.timeout(runs.WORKER_PATIENCE):
            seen: IncidentView = await handle.query(QUERY_STATE, result_type=IncidentView)
    except (RPCError, WorkflowQueryFailedError) as error:
        raise EngineUnavailable(f"the incident `{incident}` cannot be read: {error.message}") from error
    except (TimeoutError, RPCTimeoutOrCancelledError) as error:
        raise EngineUnavailable(
            f"the incident `{incident}` cannot be read: no worker answers within {runs.WORKER_PATIENCE:g} s"
        ) from error
    return seen


async def _handle(client: Client, incident: str) -> WorkflowHandle[object, object]:
    handle: WorkflowHandle[object, object] = client.get_workflow_handle(incident_id(incident))
    try:
        await handle.describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise EngineUnavailable(f"Temporal did not answer: {error.message}") from error
        raise NoIncident(
            f"there is no incident `{incident}`; it begins with the first run that is started for it "
            "(`stanch run --incident`)"
        ) from error
    return handle
