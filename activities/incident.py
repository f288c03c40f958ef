"""What an incident needs done outside of its workflow: give its order to a run, let a run join it, and look
which of its runs have ended."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.attempt.failure import application_error
from stanch.client import runs
from stanch.client.joining import join
from stanch.contract import (
    ACTIVITY_ENDED,
    ACTIVITY_JOIN,
    ACTIVITY_TELL,
    JoinTask,
    Look,
    RunPolicy,
    TellTask,
    Told,
)
from stanch.errors import EngineUnavailable, IllegalDecision, StanchError, Unreachable

TO_START = 60.0
"""Seconds after joining within which a run has to have started, or it never will."""


@activity.defn(name=ACTIVITY_TELL)
async def tell_run(task: TellTask) -> Told:
    """How the run took the order. Ends as EngineUnavailable, to be tried again, when the run did not answer,
    and as Unreachable while it has not started yet."""
    try:
        return await _told(activity.client(), task)
    except StanchError as error:
        failed = error
    raise application_error(failed)


@activity.defn(name=ACTIVITY_JOIN)
async def join_incident(task: JoinTask) -> str:
    """Why the run has to start on hold; empty when it does not. Ends as EngineUnavailable."""
    try:
        policy = RunPolicy(unsigned=task.unsigned, keys=task.keys)
        return await join(activity.client(), task.incident, task.run, policy)
    except StanchError as error:
        failed = error
    raise application_error(failed)


@activity.defn(name=ACTIVITY_ENDED)
async def ended_runs(look: Look) -> dict[str, str]:
    """By its id, why each of the runs that have ended is gone. Ends as EngineUnavailable."""
    client, gone = activity.client(), {}
    try:
        for member in look.members:
            with contextlib.suppress(Unreachable):
                if why := await _gone(client.get_workflow_handle(member.run), member.joined):
                    gone[member.run] = why
    except StanchError as error:
        failed = error
    else:
        return gone
    raise application_error(failed)


async def _told(client: Client, task: TellTask) -> Told:
    handle: WorkflowHandle[object, object] = client.get_workflow_handle(task.run)
    if gone := await _gone(handle, task.joined):
        return Told("gone", gone)
    try:
        await runs.order(handle, task.order)
    except IllegalDecision as error:
        if gone := await _gone(handle, task.joined):
            return Told("gone", gone)
        seen = await runs.view(handle)
        if seen.outcome is not None:
            return Told("gone", "it is over")
        # It may have heard of it from an attempt whose answer was lost, or have begun on hold.
        if (task.order.verb == "hold") == (task.order.incident in seen.holds):
            return Told("obeyed")
        return Told("refused", str(error))
    return Told("obeyed")


async def _gone(handle: WorkflowHandle[object, object], joined: float) -> str:
    """Why nobody has to be told any more; empty while the run is there. Raises Unreachable before it is."""
    try:
        found = await handle.describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise EngineUnavailable(f"Temporal did not answer: {error.message}") from error
        found = None
    if found is not None and found.status == WorkflowExecutionStatus.RUNNING:
        return ""
    ended = found.close_time if found is not None else None
    if ended is not None and ended >= datetime.fromtimestamp(joined, UTC):
        return "it has ended"
    if time.time() > joined + TO_START:
        return "it has never started"
    raise Unreachable(f"the run `{handle.id}` has not started yet")
