"""Children, questions for values, work by hand and limits on Temporal, in the sandbox."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import WorkflowEnvironment

from activities.attempt.failure import application_error
from stanch.client import runs
from stanch.contract import ActionReport, ActionTask, Decision
from stanch.errors import ActionRefused
from stanch.language.plan import Approval, Call, Check, Poll, Step
from tests.support.plans import change, everything, plan
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from tests.workflows.test_runbook import result


async def test_a_question_a_child_for_each_and_work_by_hand(skipping: WorkflowEnvironment) -> None:
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, everything(), "e1"))
        asked = await waiting(handle)
        assert (asked.kind, asked.roles) == ("ask", ("technical_lead",))
        values = {"nodes": ["db2", "db1"]}
        await runs.decide(handle, Decision(asked.id, "answer", "alice", asked.digest, values=values))
        question = await waiting(handle)
        assert [change.target for change in question.changes] == ["db2", "db1"]
        await runs.decide(handle, approve(question))
        by_hand = await waiting(handle)
        assert by_hand.kind == "manual"
        ended = await result(skipping, handle)  # nobody says that it is done, and the run goes on without
    assert ended.outcome == "succeeded"
    assert ended.outputs == {"done": ["db2", "db1"], "said": ["db2 is out", "db1 is out"]}
    assert [task.call.params["run"][0] for task in world.changes] == ["out", "unfix", "out", "unfix"]


async def test_work_by_hand_that_is_seen_names_whom_it_waits_for_and_has_no_request(
    temporal: TemporalServer,
) -> None:
    merged = asyncio.Event()

    async def seen(task: ActionTask) -> ActionReport:
        if task.poll is None or not task.poll.within:
            raise application_error(ActionRefused("it is open"))
        await merged.wait()
        return ActionReport({"status": 200})

    by_hand = Step(
        id="merge",
        title="Merge it",
        effect="change",
        call=Call("manual", {"who": "technical_lead", "do": "merge it"}),
        done=Check(Call("http", {"url": "http://x"}), Poll("result.status == 200", within=600)),
        irreversible="it is merged",
    )
    client, world = await temporal.client(), World(seen)
    async with world.worker(client), asyncio.timeout(120):
        handle = handle_of(client, await begin(client, plan(by_hand), uuid.uuid4().hex[:8]))
        while not world.pages:
            await asyncio.sleep(0.05)
        view = await runs.view(handle)
        told = "waits until it is seen that technical_lead has done it: merge it"
        assert (view.requests, view.steps[0].note) == ((), told)
        merged.set()
        assert (await handle.result()).outcome == "succeeded"


async def test_a_block_that_waits_too_long_ends_at_its_limit(skipping: WorkflowEnvironment) -> None:
    block = Step(
        id="window",
        steps=(change("fix", approval=None), Step(id="for_long", wait="2h")),
        limit=3600.0,
        approval=Approval(("incident_commander",)),
        on_failure="undo",
    )
    world = World(helping)
    async with world.worker(skipping.client):
        handle = handle_of(skipping.client, await begin(skipping.client, plan(block), "e2"))
        await runs.decide(handle, approve(await waiting(handle)))
        with pytest.raises(WorkflowFailureError):
            await result(skipping, handle)
        view = await runs.view(handle)
    assert view.outcome == "failed"
    assert "took longer than 1h" in view.reason
    assert view.ledger[0].undone
    assert 3600 <= view.ended - view.started < 7200
