"""Record the histories that `test_replay` replays: `python -m tests.workflows.record`.

A history that is in the repository belongs to a released shape and is never overwritten: a change that cannot
replay it needs `workflow.patched`. Only cases without a file are recorded, each on a real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from stanch.client import runs
from stanch.contract import Abort, ActionReport, ActionTask, Decision, Order
from stanch.language.plan import Approval, Call, Check, ForEach, Plan, Poll, Revert, Silence, Step
from tests.support.plans import change, everything, plan, read, rollback
from tests.support.temporal import start_temporal
from tests.support.world import World, approve, begin, handle_of, helping, waiting

HISTORIES = Path(__file__).parent / "histories"


async def nobody(_: WorkflowHandle[Any, Any]) -> None:
    """No person comes near it."""


async def approving(handle: WorkflowHandle[Any, Any]) -> None:
    await runs.decide(handle, approve(await waiting(handle)))


async def denying_by_signal(handle: WorkflowHandle[Any, Any]) -> None:
    request = await waiting(handle)
    await handle.signal("approve", {"request": request.id, "by": "eve"})
    answer = {"request": request.id, "digest": request.digest, "by": "bob", "reason": "not now"}
    await handle.signal("deny", answer)


async def approving_then_undoing(handle: WorkflowHandle[Any, Any]) -> None:
    await approving(handle)
    await _choose(handle, "undo")


async def approving_then_done(handle: WorkflowHandle[Any, Any]) -> None:
    await approving(handle)
    await _choose(handle, "done")


async def aborting(handle: WorkflowHandle[Any, Any]) -> None:
    await waiting(handle)
    await runs.abort(handle, Abort("alice", "wrong runbook"))


async def answering_all(handle: WorkflowHandle[Any, Any]) -> None:
    request = await waiting(handle)
    values = {"nodes": ["db1", "db2"]}
    await runs.decide(handle, Decision(request.id, "answer", "alice", request.digest, values=values))
    await approving(handle)
    await _choose(handle, "done")


async def steering(handle: WorkflowHandle[Any, Any]) -> None:
    """Most of what people can do to a run, and what its alert does, before it goes on."""
    await waiting(handle)
    await runs.order(handle, Order("acknowledge", "alice"))
    await runs.order(handle, Order("handover", "alice", "my shift ends", role="incident_commander", to="bob"))
    await runs.order(handle, Order("severity", "bob", "it is worse", to="SEV1"))
    await handle.signal("alert", {"status": "resolved"})
    await handle.signal("alert", {"status": "firing"})
    await runs.order(handle, Order("pause", "bob", "let me look"))
    await runs.order(handle, Order("hold", "bob", "not yet"))
    await runs.decide(handle, replace(approve(await waiting(handle)), by="bob"))
    await runs.order(handle, Order("withdraw", "bob", "I looked again"))
    await runs.decide(handle, replace(approve(await waiting(handle)), by="bob"))
    await runs.order(handle, Order("resume", "bob"))
    await runs.order(handle, Order("release", "bob"))


async def undoing(handle: WorkflowHandle[Any, Any]) -> None:
    await approving(handle)
    await waiting(handle)
    await runs.order(handle, Order("undo", "alice", "it was the wrong service"))


async def retrying_with_other_inputs(handle: WorkflowHandle[Any, Any]) -> None:
    request = await waiting(handle)
    inputs = {"service": "cart"}
    await runs.order(handle, Order("retry", "alice", "another one", step=request.step, inputs=inputs))
    await approving(handle)


async def _choose(handle: WorkflowHandle[Any, Any], choice: Any) -> None:
    request = await waiting(handle)
    await runs.decide(handle, Decision(request.id, choice, "alice", request.digest, "I looked"))


def third_fails(task: ActionTask) -> ActionReport:
    if (
        task.effect == "change"
        and task.call.params["hosts"] == ["c"]
        and "unfix" not in task.call.params["run"]
    ):
        raise ApplicationError("c: exit status 1", type="ActionRefused", non_retryable=True)
    return ActionReport({"rc": 0})


def changes_are_lost(task: ActionTask) -> ActionReport:
    if task.effect == "change":
        raise ApplicationError("connection cut", type="OutcomeUnknown", non_retryable=True)
    return ActionReport({"rc": 0})


_UNFIX = Call("ssh", {"hosts": ["${{ host }}"], "run": ["unfix"]}, one=True)
_FIX = Call("ssh", {"hosts": ["${{ host }}"], "run": ["fix"]}, one=True)
_SILENT = Approval(("incident_commander",), silence=Silence(after=1))
_EACH = ForEach("host", ["a", "b", "c"], (1,), pause=1.0)
_FAN = replace(change(for_each=_EACH, undo=_UNFIX, on_failure="ask"), call=_FIX)

_BLOCK = Step(
    id="both",
    title="Both",
    steps=(change("one", approval=None), change("two", approval=None)),
    approval=Approval(("incident_commander",)),
    limit=3600.0,
)
_RATE = Call("http", {"url": "http://x/rate"})
_CANARY = replace(_FAN, verify=Check(_RATE, Poll("result.json.rate < 0.01", 60.0), each_batch=True))
_FOR_SERVICE = plan(
    replace(change(), call=Call("ssh", {"hosts": ["a"], "run": ["fix", "${{ inputs.service }}"]}, one=True)),
    inputs={"service": {"type": "string"}, "hosts": {"type": "array"}},
)

Case = tuple[
    Plan, Callable[[ActionTask], ActionReport], Callable[[WorkflowHandle[Any, Any]], Awaitable[None]]
]
CASES: dict[str, Case] = {
    "rollback-approved": (rollback(), helping, approving),
    "rollback-denied-by-signal": (rollback(), helping, denying_by_signal),
    "rollback-aborted": (rollback(), helping, aborting),
    "diagnosis-only": (plan(read("a"), read("b")), helping, nobody),
    "silence-denies": (plan(change(approval=_SILENT)), helping, nobody),
    "failure-undone": (
        plan(_FAN),
        third_fails,
        approving_then_undoing,
    ),
    "everything": (everything(), helping, answering_all),
    "in-doubt-done": (plan(change(on_failure="ask")), changes_are_lost, approving_then_done),
    # From here on the runs are of revision 2.
    "rollback-2": (rollback(), helping, approving),
    "everything-2": (everything(), helping, answering_all),
    "failure-undone-2": (plan(_FAN), third_fails, approving_then_undoing),
    "in-doubt-done-2": (plan(change(on_failure="ask")), changes_are_lost, approving_then_done),
    "steered": (plan(_BLOCK, read("after")), helping, steering),
    "undone-by-order": (plan(change("one"), change("two")), helping, undoing),
    "other-inputs": (_FOR_SERVICE, helping, retrying_with_other_inputs),
    "verified-batches": (plan(_CANARY), helping, approving),
    "leaves-a-return": (plan(change(revert=Revert("after", after="1s"))), helping, approving),
}


async def record(client: Client, name: str) -> None:
    which, answer, people = CASES[name]
    async with World(answer).worker(client):
        handle = handle_of(client, await begin(client, which, name))
        await people(handle)
        # A run that failed is a history worth keeping.
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
    history = await handle.fetch_history()
    text = re.sub(r'"stackTrace": ".*"', '"stackTrace": ""', history.to_json())
    (HISTORIES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


async def main() -> None:
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, start_temporal(Path(folder)) as server:
        client = await server.client()
        for name in CASES:
            if not (HISTORIES / f"{name}.json").exists():
                await record(client, name)
                sys.stderr.write(f"recorded {name}\n")


if __name__ == "__main__":
    asyncio.run(main())
    sys.stderr.flush()
    os._exit(0)
