"""Read incidents and give them orders. Errors are sentences for a person."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from stanch.client import runs
from stanch.client.joining import incident_id
from stanch.contract import (
    MEMO_HELD,
    QUERY_STATE,
    SEARCH_INCIDENT,
    UPDATE_HOLD,
    UPDATE_RELEASE,
    UPDATE_TRUST,
    WORKFLOW_INCIDENT,
    Accepted,
    IncidentView,
    Order,
)
from stanch.errors import EngineUnavailable, IllegalDecision, InvalidInput


class NoIncident(InvalidInput):
    """There is no incident of that name."""


_UPDATES = {"hold": UPDATE_HOLD, "release": UPDATE_RELEASE, "trust": UPDATE_TRUST}


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident in a list; moments are seconds since the epoch, `ended` 0.0 while it is open."""

    incident: str
    held: str
    """By whom and why no change begins in its runs; empty while they may."""
    runs: int
    """How many of its runs are open."""
    started: float
    ended: float


async def order(client: Client, given: Order) -> Accepted:
    """Hold the fire of the incident that `given` names, release it, or have it and its runs `trust` a key;
    the answer says of each run that did not obey why. Raises IllegalDecision, NoIncident, EngineUnavailable.
    """
    if given.verb not in _UPDATES:
        raise InvalidInput(f"an incident takes `hold`, `release` and `trust`, not `{given.verb}`")
    handle = await _handle(client, given.incident)
    if (await handle.describe()).status != WorkflowExecutionStatus.RUNNING:
        raise NoIncident(
            f"the incident `{given.incident}` has ended, for none of its runs is open; it begins anew "
            "with the next run that is started for it (`stanch run --incident`)"
        )
    accepted = await runs.update(handle, _UPDATES[given.verb], given)
    return await _trusted_by_runs(client, given, accepted) if given.verb == "trust" else accepted


async def _trusted_by_runs(client: Client, given: Order, accepted: Accepted) -> Accepted:
    """One signature is for the incident and for each of its runs, which check it themselves."""
    told = 0
    refused: list[str] = []
    for member in (await view(client, given.incident)).members:
        try:
            await runs.order(client.get_workflow_handle(member.run), given)
            told += 1
        except (IllegalDecision, EngineUnavailable) as error:
            refused.append(f"{member.run}: {error}")
    words = f"{accepted.message}, and so do {told} of its runs"
    if refused:
        words += f"; NOT BELIEVED by {'; '.join(refused[:5])}"
    return replace(accepted, message=words)


async def list_incidents(client: Client, *, with_ended: bool = False, limit: int = 50) -> list[IncidentLine]:
    """The newest first; those that are open, or with those that have ended. Raises temporalio's RPCError."""
    query = f"WorkflowType = '{WORKFLOW_INCIDENT}'"
    if not with_ended:
        query += " AND ExecutionStatus = 'Running'"
    open_runs = await _open_runs(client)
    return [
        IncidentLine(
            incident=(name := found.id.removeprefix("incident/")),
            held=str(await found.memo_value(MEMO_HELD, "")),
            runs=0 if found.close_time else open_runs[name],
            started=found.start_time.timestamp(),
            ended=found.close_time.timestamp() if found.close_time else 0.0,
        )
        async for found in client.list_workflows(query, limit=limit)
    ]


async def _open_runs(client: Client) -> Counter[str]:
    """By incident, how many of its runs are open."""
    query = f"{SEARCH_INCIDENT} IS NOT NULL AND ExecutionStatus = 'Running'"
    key = SearchAttributeKey.for_keyword(SEARCH_INCIDENT)
    return Counter(
        [str(found.typed_search_attributes.get(key)) async for found in client.list_workflows(query)]
    )


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
