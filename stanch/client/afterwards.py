"""`undo` for a run that has ended: find out what became of its changes since, and start the run that takes
back what is left. Never twice: each of these runs has a number, and the next one reads what those before did.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from stanch.client import runs
from stanch.client.joining import join
from stanch.client.sizes import refuse_too_large
from stanch.client.start import Sign, Start, run_input, run_url, static_details, unsigned
from stanch.conductor.back.afterwards import Ended, Fate, Return, is_unsure, take_back, taken_back_by
from stanch.config import Config
from stanch.contract import TASK_QUEUE, Accepted, Order, RunInput, RunView
from stanch.errors import EngineUnavailable, IllegalDecision, InvalidInput
from stanch.language.people import IC
from stanch.visibility import attributes_of

_MEMO = "takes_back"
"""What such a run tells Temporal of itself: the run id there of the execution whose changes it takes back."""


async def undo(
    client: Client,
    config: Config,
    handle: WorkflowHandle[object, object],
    order: Order,
    sign: Sign = unsigned,
) -> Accepted | None:
    """Start the run that takes back what the run of `handle` has changed, and say what it will do and what
    not; None when that run has not ended, so that it takes the order itself. `sign` gives the new run the
    proof of whoever orders it.

    Raises IllegalDecision when nothing can be taken back, or somebody is at it already; InvalidInput;
    EngineUnavailable.
    """
    seen = await runs.view(handle)
    if (await runs.settled(handle, seen)).outcome is None:
        return None
    if not order.by.strip() or not order.reason.strip():
        raise InvalidInput("an undo needs a name and a reason")
    execution = (await handle.describe()).run_id
    earlier = [each async for each in _earlier(client, handle.id, execution)]
    fates = await _returned(client, seen)
    for each in earlier:
        if each.status == WorkflowExecutionStatus.RUNNING:
            raise _begun(each.id)
        fates |= await _taken_back(client, each.id)
    what = take_back(Ended(seen, await runs.plan(handle), execution, fates), order.step, order.reason)
    name = await _free(client, handle.id, execution, len(earlier) + 1)
    given = _given(config, name, seen, what, order)
    refuse_too_large(given)
    await _start(client, name, execution, given, sign)
    return Accepted(_said(seen, name, what), run=name)


def _said(seen: RunView, name: str, what: Return) -> str:
    many = f"{what.changes} change{'s' * (what.changes != 1)}"
    stays = "".join(f"; stays: {each}" for each in what.stays)
    asked = f"it asks the {IC} first"
    return f"`{seen.run}` has ended; `{name}` takes back {many}, {asked}: `stanch show {name}`{stays}"


# --- what became of it ------------------------------------------------------------------------------------


async def _earlier(client: Client, run: str, execution: str) -> AsyncIterator[WorkflowExecutionDescription]:
    """The runs that have taken back, or are taking back, what this execution has changed; the first first.

    None of them is older than the execution itself, so Temporal has forgotten none while it knows that one.
    """
    number = 1
    while True:
        for name in _names(run, execution, number):
            found = await _described(client, name)
            if found is not None and await _is_about(found, execution):
                yield found
                break
        else:
            return
        number += 1


def _names(run: str, execution: str, number: int) -> tuple[str, str]:
    """An earlier execution of the run may have taken the plain one."""
    return f"{run}/undo-{number}", f"{run}/undo-{number}-{execution[-8:]}"


async def _free(client: Client, run: str, execution: str, number: int) -> str:
    """Raises IllegalDecision when somebody has begun since it was looked."""
    plain, own = _names(run, execution, number)
    found = await _described(client, plain)
    if found is None:
        return plain
    if await _is_about(found, execution):
        raise _begun(plain)
    return own


async def _is_about(found: WorkflowExecutionDescription, execution: str) -> bool:
    told: object = await found.memo_value(_MEMO, "")
    return told == execution


def _begun(run: str) -> IllegalDecision:
    return IllegalDecision(f"`{run}` is taking it back already: `stanch show {run}`")


async def _taken_back(client: Client, run: str) -> dict[int, Fate]:
    view = await _seen(client, run)
    return taken_back_by(view) if view is not None else {}


async def _seen(client: Client, run: str) -> RunView | None:
    """What a run that is over has done; None when it was terminated before its first turn."""
    try:
        return await runs.view(client.get_workflow_handle(run))
    except EngineUnavailable as error:
        cause = error.__cause__
        if isinstance(cause, RPCError) and cause.status == RPCStatusCode.FAILED_PRECONDITION:
            return None
        raise


async def _returned(client: Client, seen: RunView) -> dict[int, Fate]:
    """What became of the changes that were left to runs of their own, which put back what was borrowed."""
    found: dict[int, Fate] = {}
    for position, effect in enumerate(seen.ledger):
        if not effect.left_to or effect.undone:
            continue
        there = await _described(client, effect.left_to)
        if there is None:
            continue
        if there.status == WorkflowExecutionStatus.RUNNING:
            found[position] = Fate("awaited", effect.left_to)
            continue
        view = await _seen(client, effect.left_to)
        steps = view.steps if view is not None else ()
        phase = next((step.phase for step in steps if step.path == "put_back"), "pending")
        if phase == "succeeded":
            found[position] = Fate("back", effect.left_to)
        elif is_unsure(phase):
            found[position] = Fate("unsure", effect.left_to)
    return found


async def _described(client: Client, run: str) -> WorkflowExecutionDescription | None:
    try:
        return await client.get_workflow_handle(run).describe()
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise EngineUnavailable(f"Temporal did not answer: {error.message}") from error


# --- the run ----------------------------------------------------------------------------------------------


def _given(config: Config, name: str, seen: RunView, what: Return, order: Order) -> RunInput:
    """With the people of today. Who commands may order it and approve it: the way back was shown to whoever
    approved the change, and a run that is still under way goes back at the commander's word alone."""
    start = Start(
        plan=what.plan,
        key="",
        inputs=what.inputs,
        started_by=order.by,
        severity=seen.severity,
        mode=seen.mode,
        service=seen.service,
        incident=seen.incident,
    )
    given = run_input(config, start, run_url(config, name))
    return replace(given, policy=replace(given.policy, self_approval=True))


async def _start(client: Client, name: str, execution: str, given: RunInput, sign: Sign) -> None:
    """Raises IllegalDecision when somebody else was faster."""
    if given.incident is not None:
        given = replace(given, held=await join(client, given.incident.id, name, given.policy))
    given = sign(given, name)
    try:
        await client.start_workflow(
            given.plan.runbook,
            given,
            id=name,
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={_MEMO: execution},
            search_attributes=attributes_of(given),
            static_summary=given.plan.title,
            static_details=static_details(
                Start(given.plan, "", started_by=given.started_by, severity=given.severity)
            ),
        )
    except WorkflowAlreadyStartedError as error:
        raise _begun(name) from error
    except RPCError as error:
        raise EngineUnavailable(f"Temporal did not start `{name}`: {error.message}") from error
