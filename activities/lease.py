"""What leases need done outside of workflows: a run asks its lease, and a lease looks at its runs.

Both are questions, so a lost or forged Signal can change nothing: it only makes one of them ask.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from temporalio import activity

from activities.attempt.failure import application_error
from stanch.client import leases
from stanch.contract import ACTIVITY_LEASE, ACTIVITY_LOOK, LeaseAnswer, LeaseTask, Looked, LookTask
from stanch.errors import StanchError


@activity.defn(name=ACTIVITY_LEASE)
async def ask_lease(task: LeaseTask) -> LeaseAnswer:
    """How the claim of the run that asks stands. Ends as EngineUnavailable, to be tried again."""
    info = activity.info()
    run, execution = info.workflow_id or "", info.workflow_run_id or ""
    try:
        return await leases.ask(
            activity.client(), task.name, replace(task.claim, run=run, execution=execution)
        )
    except StanchError as error:
        failed = error
    raise application_error(failed)


@activity.defn(name=ACTIVITY_LOOK)
async def look_at_holders(task: LookTask) -> Looked:
    """Which of the claims nobody wants any more."""
    client = activity.client()
    wanted = await asyncio.gather(*(leases.still_wanted(client, task.name, each) for each in task.claims))
    return Looked(tuple(each for each, still in zip(task.claims, wanted, strict=True) if not still))
