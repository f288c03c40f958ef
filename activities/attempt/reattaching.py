"""What another attempt does with an execution that its target still knows: find it, and have it forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.action import Action, Context, Reattaching
from activities.attempt.heart import Memory
from stanch.errors import Unreachable
from stanch.language.plan import Json

_PAUSE = 2.0
"""Seconds between two looks at targets that cannot be reached."""
_MARGIN = 5.0
_ASKED_WITHIN = timedelta(seconds=2)


def reattaching(action: Action, params: Mapping[str, Json]) -> Reattaching | None:
    """`action`, if its target will know this call by its key."""
    return action if isinstance(action, Reattaching) and action.reattaches(params) else None


def may_have_acted(before: Memory) -> bool:
    """Whether an attempt before this one may have executed the change. Heartbeats may be lost, so a memory
    that says nothing is no leave to execute it again."""
    attempt = activity.info().attempt
    return attempt > 1 and not before.acted and before.unharmed != attempt - 1


async def was_begun(action: Reattaching, params: Mapping[str, Json], context: Context) -> bool:
    """Whether an earlier attempt has begun it. Raises Unreachable when that could not be told for as long as
    `context.timeout`, which is what the change itself may take."""
    until = time.monotonic() + context.timeout
    while True:
        left = max(1.0, until - time.monotonic())
        try:
            async with asyncio.timeout(left + _MARGIN):
                return await action.begun(params, replace(context, timeout=left))
        except TimeoutError:
            raise Unreachable("no answer in time") from None
        except Unreachable:
            if time.monotonic() + _PAUSE >= until:
                raise
        await asyncio.sleep(_PAUSE)


async def let_go(action: Reattaching, params: Mapping[str, Json], context: Context) -> str | None:
    """Have it forgotten: its end is known and on record. Gives why that failed; nothing depends on it."""
    try:
        async with asyncio.timeout(context.timeout + _MARGIN):
            await action.release(params, context)
    except asyncio.CancelledError:
        # Too late to stop anything: what was to be done has been done, and that is what is reported.
        return "it was cancelled"
    except Exception as error:  # noqa: BLE001 (a report of what has happened must not be lost over this)
        return str(error) or type(error).__name__
    return None


async def is_tried_again() -> bool:
    """Whether Temporal has begun another attempt, or will begin one after this."""
    info = activity.info()
    policy = info.retry_policy
    if policy is None or 0 < policy.maximum_attempts <= info.attempt:
        return False
    details = activity.cancellation_details()
    if details is None or not details.not_found or info.workflow_id is None:
        return True
    # Temporal does not know this attempt any more: it was given up, or the run was terminated.
    run = activity.client().get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id)
    try:
        return (await run.describe(rpc_timeout=_ASKED_WITHIN)).status == WorkflowExecutionStatus.RUNNING
    except RPCError:
        return True
