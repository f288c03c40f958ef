"""An action goes to a worker of its zone, and when there is none, that is what the run says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ActivityError, RetryState, TimeoutType
from temporalio.exceptions import TimeoutError as TemporalTimeout
from temporalio.testing import WorkflowEnvironment

from stanch.client import runs
from stanch.conductor.events import ActionFailed, ActionLost
from stanch.contract import ActionTask
from stanch.language.plan import Call
from tests.drill.support import compiled
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, helping, waiting
from workflows.outcome import meaning

RUNBOOK = """\
runbook: example
title: Change something in another network
kind: recovery
owner: network-sre
symptoms: it is broken
impact: nobody sees it
steps:
  - id: here
    http: {url: "http://x/"}
  - id: there
    zone: dmz
    steps:
      - id: fix
        approval: incident_commander
        ssh: {hosts: [web1], run: [fix]}
        effect: change
        done: {ssh: {run: [fixed]}, until: result.rc == 0, within: 1m}
        undo: {ssh: {run: [unfix]}}
        verify: {http: {url: "http://y/"}, until: result.json.rate < 1.0, within: 1m}
        on_failure: undo
"""


async def test_each_action_is_carried_out_in_its_zone(skipping: WorkflowEnvironment) -> None:
    here, dmz = World(helping), World(helping)
    async with here.worker(skipping.client), dmz.worker(skipping.client, "stanch.dmz", workflows=False):
        handle = handle_of(
            skipping.client, await begin(skipping.client, compiled(RUNBOOK), "zones", inputs={})
        )
        request = await waiting(handle)
        assert [change.command for change in request.changes] == ["fix (zone dmz)"]
        await runs.decide(handle, approve(request))
        assert (await handle.result()).outcome == "succeeded"
    assert [(task.step, task.call.action) for task in here.tasks] == [("here", "http")]
    assert [(task.step, task.call.action) for task in dmz.tasks] == [("fix", "ssh"), ("fix", "http")]
    assert here.pages, "people are paged from where runs are"
    assert not dmz.pages


async def test_a_zone_without_a_worker_fails_the_step_and_says_how_to_start_one(
    temporal: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The time-skipping server breaks when time passes over an action that nobody takes.
    monkeypatch.setattr("workflows.runbook._ZONE_TAKES", timedelta(seconds=1))
    client = await temporal.client()
    text = RUNBOOK.replace('    http: {url: "http://x/"}', '    zone: lab\n    http: {url: "http://x/"}')
    async with World(helping).worker(client, sandboxed=False):
        handle = handle_of(client, await begin(client, compiled(text), "no-zone", inputs={}))
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        view = await runs.view(handle)
    assert view.outcome == "failed"
    assert "no worker serves the zone `lab` (`worker.py --zone lab` is one)" in view.reason


@pytest.mark.parametrize(
    ("heard", "kind", "says"),
    [
        ([], ActionFailed, "nothing was executed: no worker serves the zone `dmz`"),
        ([{"phase": "checking"}], ActionFailed, "its worker is gone, and no worker serves the zone `dmz`"),
        ([{"phase": "acting"}], ActionLost, "or all of them are busy; it may have acted"),
    ],
)
def test_a_change_whose_worker_is_gone_is_in_doubt_though_nobody_took_it_again(
    heard: list[object], kind: type, says: str
) -> None:
    error = ActivityError(
        "", scheduled_event_id=1, started_event_id=2, identity="", activity_type="ssh", activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )  # fmt: skip
    error.__cause__ = TemporalTimeout("", type=TimeoutType.SCHEDULE_TO_START, last_heartbeat_details=heard)
    task = ActionTask("fix", Call("ssh", zone="dmz"), effect="change")
    event = meaning(error, "key", task, 0.0)
    assert isinstance(event, kind)
    assert says in event.reason
