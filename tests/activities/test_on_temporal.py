"""The activity layer in a real worker on a real Temporal: attempts, memory, shutdown and cancellation."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from starlette.responses import JSONResponse
from temporalio import workflow
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.attempt.keeping import Keeper
from activities.attempt.perform import action_activities
from activities.http import Http
from stanch.client.payloads import data_converter
from stanch.contract import ActionReport, ActionTask, Kept
from stanch.evidence import Evidence
from tests.activities.bench import BEHAVE, Behaving, Bench, change, get, in_turn, post, read
from tests.activities.served import free_port, raw, scripted, until

pytestmark = [pytest.mark.xdist_group("temporal-activities"), pytest.mark.asyncio(loop_scope="module")]


@workflow.defn
class OneAction:
    @workflow.run
    async def run(self, task: ActionTask, heartbeat_timeout: int) -> ActionReport:
        report: ActionReport = await workflow.execute_activity(
            task.call.action,
            task,
            result_type=ActionReport,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=heartbeat_timeout),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=1.0),
        )
        return report


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal() -> AsyncIterator[Client]:
    program = Path(sys.executable).with_name("temporal")
    found = str(program) if program.exists() else shutil.which("temporal")
    environment = await WorkflowEnvironment.start_local(
        data_converter=data_converter, dev_server_existing_path=found, dev_server_log_level="error"
    )
    async with environment:
        yield environment.client


class Crew:
    """Workers of one task queue, and the run of one task."""

    def __init__(self, client: Client, evidence: Path) -> None:
        self._client = client
        self.evidence = evidence
        self._queue = f"actions-{uuid4()}"
        self.http = Http()

    def worker(self, heartbeats_every: timedelta = timedelta(milliseconds=200)) -> Worker:
        return Worker(
            self._client,
            task_queue=self._queue,
            workflows=[OneAction],
            activities=action_activities([self.http], Keeper(Evidence(self.evidence), 4096)),
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_heartbeat_throttle_interval=heartbeats_every,
        )

    async def start(self, task: ActionTask, heartbeat_timeout: int = 2) -> WorkflowHandle[Any, ActionReport]:
        return await self._client.start_workflow(
            OneAction.run, args=[task, heartbeat_timeout], id=f"test-{uuid4()}", task_queue=self._queue
        )


@pytest_asyncio.fixture(loop_scope="module")
async def crew(temporal: Client, tmp_path: Path) -> AsyncIterator[Crew]:
    crew = Crew(temporal, tmp_path)
    yield crew
    await crew.http.close()


async def failure(handle: WorkflowHandle[Any, ActionReport]) -> BaseException | None:
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, ActivityError)
    return caught.value.cause.cause


async def test_a_change_that_reached_nobody_is_tried_again_and_executed_once(crew: Crew) -> None:
    port = free_port()
    async with crew.worker():
        handle = await crew.start(change(post(f"http://127.0.0.1:{port}")))
        await attempts(handle, 3)
        with scripted(port) as site:
            report = await handle.result()
            assert report.result["status"] == 200
            assert site.methods() == ["POST"]


async def test_a_refused_change_is_not_tried_again(crew: Crew) -> None:
    with scripted() as site:
        site.reply = lambda got: JSONResponse("no", 409)
        async with crew.worker():
            error = await failure(await crew.start(change(post(site.url))))
    assert isinstance(error, ApplicationError)
    assert (error.type, error.message) == ("ActionRefused", f'POST {site.url} answered 409 Conflict: "no"')
    assert site.methods() == ["POST"]


async def test_a_change_in_the_hands_of_a_worker_that_ends_is_in_doubt(crew: Crew) -> None:
    arrived = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()

    async with raw(silent) as url:
        async with crew.worker():
            handle = await crew.start(change(post(url)))
            await arrived.wait()
        async with crew.worker():
            error = await failure(handle)
    assert isinstance(error, ApplicationError)
    assert error.type == "OutcomeUnknown"


async def test_a_wait_outlives_its_worker(crew: Crew) -> None:
    with scripted() as site:
        site.reply = in_turn(0)
        async with crew.worker():
            handle = await crew.start(read(get(site.url), "result.json.v == 1", within=30, every=0.1))
            await until(lambda: len(site.got) >= 3)
        asked = len(site.got)
        site.reply = in_turn(1)
        async with crew.worker():
            assert (await handle.result()).result["json"] == {"v": 1}
        assert len(site.got) == asked + 1


async def test_a_change_that_only_needs_confirmation_outlives_its_worker(crew: Crew) -> None:
    with scripted() as site:
        site.reply = in_turn(0)
        async with crew.worker():
            task = change(post(site.url), "result.json.v == 1", get(site.url), within=30, every=0.1)
            handle = await crew.start(task)
            await until(lambda: len(site.got) >= 5)
        site.reply = in_turn(1)
        async with crew.worker():
            report = await handle.result()
    assert report.result["method"] == "POST"
    assert site.methods().count("POST") == 1


async def test_what_a_failed_step_keeps_reaches_the_workflow_as_a_detail_of_its_failure(crew: Crew) -> None:
    with scripted() as site:
        site.reply = lambda got: JSONResponse("no", 409)
        task = replace(change(post(site.url)), keep={"body": "result.body"})
        async with crew.worker():
            error = await failure(await crew.start(task))
    assert isinstance(error, ApplicationError)
    [detail] = error.details
    [kept] = [Kept(**one) for one in detail["kept"]]
    assert (kept.name, kept.size, (crew.evidence / kept.path).read_text()) == ("body", 4, '"no"')


async def test_a_worker_that_takes_over_keeps_the_same_thing(crew: Crew) -> None:
    """The change was made by one, and confirmed by the other."""
    with scripted() as site:
        site.reply = in_turn(0)
        async with crew.worker():
            task = change(post(site.url), "result.json.v == 1", get(site.url), within=30, every=0.1)
            handle = await crew.start(replace(task, keep={"made": "result.body"}))
            await until(lambda: len(site.got) >= 5)
        site.reply = in_turn(1)
        async with crew.worker():
            report = await handle.result()
    assert (crew.evidence / report.kept[0].path).read_text() == '{"v":0}'
    assert site.methods().count("POST") == 1


async def test_a_cancelled_change_ends_as_cancelled(crew: Crew) -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()
        closed.set()

    async with raw(silent) as url, crew.worker():
        handle = await crew.start(change(post(url)))
        await arrived.wait()
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        await asyncio.wait_for(closed.wait(), 5)
    assert isinstance(caught.value.cause, CancelledError | ActivityError)


async def test_that_a_change_acts_is_on_record_before_it_does(crew: Crew) -> None:
    """Heartbeats are throttled for minutes here, and a question came before."""
    told: asyncio.Queue[str] = asyncio.Queue()
    started: asyncio.Future[WorkflowHandle[Any, ActionReport]] = asyncio.get_running_loop().create_future()

    async def ask_temporal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await told.put(await last_phase(await started))
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async with raw(ask_temporal) as url, crew.worker(heartbeats_every=timedelta(minutes=2)):
        task = change(post(url), "result.status == 200", get(url))
        started.set_result(await crew.start(task, heartbeat_timeout=180))
        error = await failure(await started)
    assert isinstance(error, ApplicationError)
    assert error.type == "ActionRefused"
    assert [told.get_nowait() for _ in range(told.qsize())] == ["checking", "acting"]


async def test_a_change_of_which_temporal_takes_no_record_does_not_begin(temporal: Client) -> None:
    action = Behaving(lambda _: "ok")
    bench = Bench(action)
    bench.attempt(1, client=temporal)  # with a task token that the server has never given out
    error = await bench.error(change(BEHAVE))
    assert (error.type, error.non_retryable) == ("EngineUnavailable", False)
    assert error.message.startswith("nothing was executed: ")
    assert (action.times, bench.last_memory()["unharmed"]) == (0, 1)


async def test_a_change_that_was_cancelled_meanwhile_does_not_begin(crew: Crew) -> None:
    """The worker would hear of it with its next heartbeat only; Temporal says so when it is told."""
    asked, answer = asyncio.Event(), asyncio.Event()
    requests = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        asked.set()
        await answer.wait()
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()

    async with raw(slow) as url, crew.worker(heartbeats_every=timedelta(seconds=3)):
        handle = await crew.start(change(post(url), "result.status == 200", get(url)), heartbeat_timeout=30)
        try:
            await asyncio.wait_for(asked.wait(), 60)
            await last_phase(handle)
            await handle.cancel()
            await cancel_requested(handle)
        finally:
            answer.set()  # the worker's end waits for it
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert requests == 1, "only the question was asked"


async def cancel_requested(handle: WorkflowHandle[Any, ActionReport]) -> None:
    for _ in range(3000):
        description = await handle.describe()
        pending = description.raw_description.pending_activities
        if pending and pending[0].state == PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the activity was not asked to end")


async def last_phase(handle: WorkflowHandle[Any, ActionReport]) -> str:
    """The phase of the last heartbeat that the server has."""
    for _ in range(1000):
        description = await handle.describe()
        pending = description.raw_description.pending_activities
        if pending and pending[0].HasField("heartbeat_details"):
            [progress, _memory] = await data_converter.decode(list(pending[0].heartbeat_details.payloads))
            return str(progress["phase"])
        await asyncio.sleep(0.02)
    return "none"


async def attempts(handle: WorkflowHandle[Any, ActionReport], number: int) -> None:
    """Wait until the activity is in its attempt of that number."""
    for _ in range(500):
        description = await handle.describe()
        pending = description.raw_description.pending_activities
        if pending and pending[0].attempt >= number:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the activity was not tried again")
