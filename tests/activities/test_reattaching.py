"""What another attempt makes of a change over SSH whose worker was lost. The host keeps count."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.action import Context
from activities.attempt.keeping import Keeper
from activities.attempt.perform import action_activities
from activities.ssh import SshAction
from stanch.client.payloads import data_converter
from stanch.contract import ActionReport, ActionTask
from stanch.errors import OutcomeUnknown
from stanch.language.plan import Call, Check, Poll
from tests.activities.bench import NOWHERE, Bench
from tests.activities.held import (
    HELD,
    alive,
    is_held,
    let_go,
    log,
    markers,
    until,
    yes,
)
from tests.activities.test_on_temporal import OneAction
from tests.support.sshd import Farm, Host


@pytest.fixture
async def temporal() -> AsyncIterator[Client]:
    program = Path(sys.executable).with_name("temporal")
    found = str(program) if program.exists() else shutil.which("temporal")
    environment = await WorkflowEnvironment.start_local(
        data_converter=data_converter, dev_server_existing_path=found, dev_server_log_level="error"
    )
    async with environment:
        yield environment.client


@pytest.fixture
def attempts(ssh: SshAction) -> Bench:
    return Bench(ssh)


NOWHERE_KEPT = Keeper(NOWHERE, 4096)
SUCCEEDS = HELD.replace("exit 3", "exit 0")


def change(script: str = SUCCEEDS, done: str = "", **params: Any) -> ActionTask:
    check = Check(
        Call("ssh", {"hosts": ["web1"], "script": done}, one=True),
        Poll("result.rc == 0", within=5.0, every=0.1),
    )
    return ActionTask(
        "roll_back",
        Call("ssh", {"hosts": ["web1"], "script": script, **params}, one=True),
        effect="change",
        timeout=20.0,
        done=check if done else None,
        key=f"run/roll_back#{uuid4()}",
    )


async def begun_by_another(ssh: SshAction, host: Host, task: ActionTask, *, ends: bool) -> None:
    """An attempt at `task` whose worker was lost while the command ran on the host."""
    context = Context(key=task.key, timeout=20.0, one=True, beat=lambda _: None, leave=yes)
    running = asyncio.create_task(ssh.perform(task.call.params, context))
    await until(lambda: is_held(host) or running.done())
    assert not running.done(), running.exception()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    if ends:
        let_go(host)
        await until(lambda: any((each / "status").exists() for each in markers(host)))


async def test_a_change_leaves_nothing_behind_once_its_end_is_on_record(attempts: Bench, web1: Host) -> None:
    report = await attempts.run(change('echo x >>"$HOME/log"'))
    assert report.result["rc"] == 0
    assert log(web1) == ["x"]
    assert not (web1.home / ".stanch").exists()
    assert attempts.last_memory()["acted"]


async def test_so_does_one_that_fails(attempts: Bench, web1: Host) -> None:
    assert (await attempts.error(change("exit 5"))).type == "ActionRefused"
    assert not (web1.home / ".stanch").exists()
    assert attempts.last_memory()["ended"]


@pytest.mark.parametrize("ends", [True, False])
async def test_the_next_attempt_collects_the_result_of_the_lost_one(
    ssh: SshAction, attempts: Bench, web1: Host, *, ends: bool
) -> None:
    # Its check is true by now, because of the lost attempt; so it must not be what decides.
    task = change(done="true")
    await begun_by_another(ssh, web1, task, ends=ends)
    attempts.attempt(2, {})
    running = asyncio.create_task(attempts.run(task))
    if not ends:
        await until(lambda: bool(web1.commands()) or running.done())
        let_go(web1)
    report = await running
    assert (report.result["stdout"], report.already) == ("before\nafter\n", False)
    assert log(web1) == ["started", "ended"]
    assert attempts.phases()[0] == "acting"


async def test_a_worker_that_was_only_asleep_begins_nothing_when_another_has_done_it(
    ssh: SshAction, attempts: Bench, web1: Host
) -> None:
    task = change()
    await begun_by_another(ssh, web1, task, ends=True)
    attempts.attempt(2, {})
    await attempts.run(task)
    (folder,) = markers(web1)
    assert sorted(each.name for each in folder.iterdir()) == ["seen", "stopped"]
    asleep = Context(key=task.key, timeout=20.0, one=True, beat=lambda _: None)
    with pytest.raises(OutcomeUnknown, match="the command had ended, and its result is gone"):
        await ssh.perform(task.call.params, asleep)
    assert log(web1) == ["started", "ended"]


async def test_the_failure_of_a_lost_attempt_is_a_failure_and_no_doubt(
    ssh: SshAction, attempts: Bench, web1: Host
) -> None:
    task = change(HELD)
    await begun_by_another(ssh, web1, task, ends=True)
    attempts.attempt(2, {})
    error = await attempts.error(task)
    assert (error.type, error.message) == ("ActionRefused", "`web1` ended with status 3")
    assert log(web1) == ["started", "ended"]


async def test_what_the_lost_attempt_never_began_is_begun_by_the_next(attempts: Bench, web1: Host) -> None:
    attempts.attempt(2, {})
    report = await attempts.run(change('echo x >>"$HOME/log"'))
    assert (report.result["rc"], log(web1)) == (0, ["x"])
    # The attempt before may only be slow, and begin it yet: nothing may be taken for a sign that nobody has.
    assert "checking" not in attempts.phases()


async def test_what_nobody_began_and_is_in_place_already_is_not_executed(attempts: Bench, web1: Host) -> None:
    attempts.attempt(2, {})
    report = await attempts.run(change('echo x >>"$HOME/log"', done="true"))
    assert (report.already, log(web1)) == (True, [])


async def test_what_ended_and_was_let_go_is_in_doubt_without_its_result(attempts: Bench, web1: Host) -> None:
    attempts.attempt(2, {"ended": True})
    error = await attempts.error(change('echo x >>"$HOME/log"'))
    assert (error.type, log(web1)) == ("OutcomeUnknown", [])
    assert "the command had ended, and its result is gone" in error.message


async def test_hosts_that_stay_away_leave_a_lost_change_in_doubt(attempts: Bench, web1: Host) -> None:
    web1.stop()
    try:
        attempts.attempt(2, {})
        error = await attempts.error(replace(change(), timeout=3.0))
    finally:
        web1.start()
    assert error.type == "OutcomeUnknown"
    assert error.message.startswith(
        "the worker that carried out `roll_back` was lost, and how it ended cannot"
    )
    assert attempts.phases() == ["acting"]


async def test_a_host_that_comes_back_gives_the_result(ssh: SshAction, attempts: Bench, web1: Host) -> None:
    task = change()
    await begun_by_another(ssh, web1, task, ends=True)
    web1.stop()
    attempts.attempt(2, {})
    running = asyncio.create_task(attempts.run(task))
    try:
        await until(lambda: any("looked" in progress.note for progress, _ in attempts.beats))
    finally:
        web1.start()
    assert (await running).result["stdout"] == "before\nafter\n"
    assert log(web1) == ["started", "ended"]


async def test_without_a_marker_a_lost_change_is_in_doubt_as_ever(attempts: Bench, web1: Host) -> None:
    attempts.attempt(2, {})
    error = await attempts.error(change('echo x >>"$HOME/log"', reattach=False))
    assert (error.type, log(web1)) == ("OutcomeUnknown", [])
    assert error.message.endswith("was lost; it may have executed the change")


async def test_a_large_result_is_let_go_too(attempts: Bench, web1: Host) -> None:
    report = await attempts.run(change("seq 1 60000", output="lines"))
    assert len(report.result["lines"]) == 60000
    assert attempts.last_memory()["ended"]
    assert not attempts.last_memory()["acted"]
    assert not (web1.home / ".stanch").exists()


async def test_a_worker_that_is_shut_down_leaves_the_change_to_the_next(
    temporal: Client, farm: Farm, web1: Host
) -> None:
    queue, task = f"actions-{uuid4()}", change()
    first, second = SshAction(farm.config_file), SshAction(farm.config_file)
    async with serving(temporal, queue, first):
        handle: WorkflowHandle[Any, ActionReport] = await temporal.start_workflow(
            OneAction.run, args=[task, 10], id=f"test-{uuid4()}", task_queue=queue
        )
        await until(lambda: is_held(web1))
    await first.close()
    assert is_held(web1)
    async with serving(temporal, queue, second):
        logins = web1.logins()
        await until(lambda: web1.logins() > logins)
        let_go(web1)
        report = await handle.result()
    await second.close()
    assert (report.result["stdout"], log(web1)) == ("before\nafter\n", ["started", "ended"])


@pytest.mark.parametrize("how", ["cancel", "terminate"])
async def test_a_change_that_nobody_wants_any_more_is_stopped_and_not_left(
    temporal: Client, farm: Farm, web1: Host, how: str
) -> None:
    queue, action = f"actions-{uuid4()}", SshAction(farm.config_file)
    async with serving(temporal, queue, action):
        handle: WorkflowHandle[Any, ActionReport] = await temporal.start_workflow(
            OneAction.run, args=[change(), 10], id=f"test-{uuid4()}", task_queue=queue
        )
        await until(lambda: is_held(web1))
        await (handle.cancel() if how == "cancel" else handle.terminate())
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        (folder,) = markers(web1)
        await until(lambda: (folder / "stopped").exists() and not alive(web1))
    await action.close()
    assert (folder / "stopped").read_text() == "TERM\n"
    assert log(web1) == ["started"]


def serving(client: Client, queue: str, action: SshAction) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[OneAction],
        activities=action_activities([action], NOWHERE_KEPT),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
