"""The way back, on a real Temporal: kept by what knows it, taken by a run of its own, never twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from activities.attempt.failure import application_error
from stanch.client import afterwards, incidents, runs
from stanch.config import Config
from stanch.contract import Abort, ActionReport, ActionTask, Decision, IncidentRef, Order, Request, RunView
from stanch.errors import ActionRefused, EngineUnavailable, IllegalDecision, InvalidInput, OutcomeUnknown
from stanch.language.plan import Call, Check, Poll, Revert, Step
from tests.project.checkout import ROOT
from tests.support.plans import change, plan
from tests.support.switch import switching
from tests.support.temporal import TemporalServer
from tests.support.world import World, approve, begin, handle_of, helping, waiting

PATIENCE = 120.0
pytestmark = [pytest.mark.timeout(240)]


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


def free(name: str, **fields: Any) -> Step:
    return change(name, approval=None, unattended="a test", on_failure="stop", **fields)


async def done(client: Client, *steps: Step, key: str = "", **fields: Any) -> WorkflowHandle[Any, Any]:
    """A run of these steps that has ended well."""
    handle = handle_of(client, await begin(client, plan(*steps), key or uuid.uuid4().hex[:8], **fields))
    assert (await handle.result()).outcome == "succeeded"
    return handle


def ordered(to: str = "", by: str = "alice") -> Order:
    return Order("undo", by, "it was wrong", step=to)


async def back(client: Client, handle: WorkflowHandle[Any, Any], to: str = "") -> WorkflowHandle[Any, Any]:
    """The run that takes it back, once it has been approved by whoever ordered it."""
    accepted = await afterwards.undo(client, Config(), handle, ordered(to))
    assert accepted is not None
    again = handle_of(client, accepted.run)
    await runs.decide(again, approve(await waiting(again)))
    return again


def ran(world: World) -> list[str]:
    return [" ".join(task.call.params["run"]) for task in world.changes]


async def test_what_a_run_changed_is_taken_back_after_its_end_and_never_twice(client: Client) -> None:
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = await done(client, free("one"), free("two"), service="checkout", severity="SEV2")
        again = await back(client, handle)
        assert again.id == f"{handle.id}/undo-1"
        assert (await again.result()).outcome == "succeeded"
        assert ran(world) == ["fix one", "fix two", "unfix two", "unfix one"]
        view = await runs.view(again)
        assert (view.title, view.severity) == (f"Take back what {handle.id} has changed", "SEV2")
        assert (view.service, view.inputs["reason"]) == ("checkout", "it was wrong")
        with pytest.raises(IllegalDecision, match=f"was taken back by `{again.id}`"):
            await afterwards.undo(client, Config(), handle, ordered())
    assert len(world.changes) == 4


async def test_what_failed_after_it_was_executed_is_taken_back_too(client: Client) -> None:
    def partly(task: ActionTask) -> ActionReport:
        if task.call.params["run"] == ["fix", "two"]:
            raise application_error(ActionRefused("1 of 2 hosts: `web2` ended with status 1"), ran=True)
        return helping(task)

    world = World(partly)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, plan(free("one"), free("two")), uuid.uuid4().hex[:8]))
        with suppress(WorkflowFailureError):
            await handle.result()
        view = await runs.view(handle)
        assert (view.outcome, [bool(each.incomplete) for each in view.ledger]) == ("failed", [False, True])
        await (await back(client, handle)).result()
    assert ran(world) == ["fix one", "fix two", "unfix two", "unfix one"]


async def test_what_is_in_doubt_at_the_end_is_taken_back_when_somebody_says_so(client: Client) -> None:
    def lost(task: ActionTask) -> ActionReport:
        if task.call.params["run"] == ["fix", "two"]:
            raise application_error(OutcomeUnknown("the connection was cut"))
        return helping(task)

    world = World(lost)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, plan(free("one"), free("two")), uuid.uuid4().hex[:8]))
        request = await waiting(handle)
        await runs.decide(handle, Decision(request.id, "abort", "alice", request.digest, "I shall look"))
        with suppress(WorkflowFailureError):
            await handle.result()
        view = await runs.view(handle)
        assert (view.outcome, [each.doubtful for each in view.ledger]) == ("in_doubt", [False, True])
        assert (await (await back(client, handle)).result()).outcome == "succeeded"
    assert ran(world) == ["fix one", "fix two", "unfix two", "unfix one"]


async def test_a_second_one_takes_back_what_the_first_one_left(client: Client) -> None:
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = await done(client, free("one"), free("two"))
        first = await back(client, handle, "two")
        await first.result()
        second = await back(client, handle)
        await second.result()
    assert second.id == f"{handle.id}/undo-2"
    assert ran(world)[2:] == ["unfix two", "unfix one"]


async def test_while_one_is_under_way_another_is_refused_and_told_which(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handle = await done(client, free("one"))
        accepted = await afterwards.undo(client, Config(), handle, ordered())
        assert accepted is not None
        await waiting(handle_of(client, accepted.run))
        with pytest.raises(IllegalDecision, match=f"`{accepted.run}` is taking it back already"):
            await afterwards.undo(client, Config(), handle, ordered(by="bob"))
        await handle_of(client, accepted.run).terminate()
        # Nothing had begun, so the next one begins where that one did.
        again = await back(client, handle)
        assert (await again.result()).outcome == "succeeded"


async def test_two_at_once_begin_one(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handle = await done(client, free("one"))
        both = [afterwards.undo(client, Config(), handle, ordered(by=by)) for by in ("alice", "bob")]
        told = await asyncio.gather(*both, return_exceptions=True)
        begun = [each.run for each in told if not isinstance(each, BaseException) and each is not None]
        refused = [each for each in told if isinstance(each, IllegalDecision)]
        assert (begun, len(refused)) == ([f"{handle.id}/undo-1"], 1)
        await handle_of(client, begun[0]).terminate()


async def test_a_run_that_has_not_ended_takes_the_order_itself(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, plan(change("one")), uuid.uuid4().hex[:8]))
        await waiting(handle)
        assert await afterwards.undo(client, Config(), handle, ordered()) is None
        await handle.terminate()


async def test_it_needs_a_name_and_a_reason(client: Client) -> None:
    async with World(helping).worker(client), asyncio.timeout(PATIENCE):
        handle = await done(client, free("one"))
        with pytest.raises(InvalidInput, match="a name and a reason"):
            await afterwards.undo(client, Config(), handle, replace(ordered(), reason=" "))


async def test_an_older_run_of_the_same_alert_keeps_its_own_count(client: Client) -> None:
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        key = uuid.uuid4().hex[:8]
        await (await back(client, await done(client, free("one"), key=key))).result()
        newer = await done(client, free("two"), key=key)
        again = await back(client, newer)
        await again.result()
        assert again.id.startswith(f"{newer.id}/undo-1-")
        with pytest.raises(IllegalDecision, match="was taken back"):
            await afterwards.undo(client, Config(), newer, ordered())
    assert ran(world) == ["fix one", "unfix one", "fix two", "unfix two"]


async def test_what_comes_back_by_itself_is_left_until_its_run_has_ended(client: Client) -> None:
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        handle = await done(client, free("lent", revert=Revert("after", after="72h")), free("two"))
        accepted = await afterwards.undo(client, Config(), handle, ordered())
        assert accepted is not None
        assert f"`fix lent` web1: `{handle.id}/return-1` brings it back" in accepted.message
        await handle_of(client, accepted.run).terminate()
        later = handle_of(client, f"{handle.id}/return-1")
        await runs.abort(later, Abort("alice", "not needed any more"))
        await _end_of(later)
        again = await back(client, handle)
        await again.result()
    assert ran(world) == ["fix lent", "fix two", "unfix two", "unfix lent"]


async def test_a_hold_of_its_incident_keeps_it_back(client: Client) -> None:
    world = World(helping)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        incident = f"undo-{uuid.uuid4().hex[:8]}"
        handle = await done(client, free("one"), incident=IncidentRef(incident, "SEV2"))
        await incidents.order(client, Order("hold", "alice", "wait", incident=incident))
        accepted = await afterwards.undo(client, Config(), handle, ordered())
        assert accepted is not None
        again = handle_of(client, accepted.run)
        view = await runs.view(again)
        assert (view.incident is not None and view.incident.id, bool(view.held)) == (incident, True)
        await again.terminate()
    assert ran(world) == ["fix one"]


async def test_what_is_still_there_afterwards_is_asked_about(client: Client) -> None:
    """The way back ends well and does not help: the run does not say that it did."""

    def answer(task: ActionTask) -> ActionReport:
        if task.call.params["run"][0] == "unfix":
            raise ApplicationError("it is still there", type="ActionRefused", non_retryable=True)
        return ActionReport({"rc": 0})

    so = Check(Call("ssh", {"hosts": ["web1"], "run": ["so"]}, one=True), Poll("result.rc == 0", within=1))
    world = World(answer)
    async with world.worker(client), asyncio.timeout(PATIENCE):
        again = await back(client, await done(client, free("one", done=so)))
        request = await waiting(again)
        assert (request.kind, "it is still there" in request.evidence[0]) == ("failure", True)
        answered = Decision(request.id, "abort", "alice", digest=request.digest, reason="by hand")
        await runs.decide(again, answered)
        await _end_of(again)
    task = next(each for each in world.changes if each.call.params["run"][0] == "unfix")
    assert task.done is not None
    assert (task.done.poll.until, task.done.after_only) == ("!(result.rc == 0)", True)


async def _end_of(handle: WorkflowHandle[Any, Any]) -> RunView:
    with suppress(WorkflowFailureError):
        await handle.result()
    return await runs.view(handle)


# --- an action that knows its way back --------------------------------------------------------------------


@contextmanager
def killed_later(server: TemporalServer) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, and how to kill it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.switch", server.address, "stanch"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == b"ready"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def toggling(file: Path) -> Step:
    call = Call("switch", {"file": str(file), "word": "on"}, knows=True)
    return Step(id="switch", effect="change", call=call, unattended="a test", on_failure="ask", timeout=5.0)


async def asked(handle: WorkflowHandle[Any, Any]) -> Request:
    """What it asks, once Temporal does not wait any more for the worker that is gone."""
    while True:
        with suppress(EngineUnavailable):
            return await waiting(handle)


async def when(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.05)


async def test_what_was_there_before_comes_back_after_the_worker_died_in_the_middle(
    temporal: TemporalServer, client: Client, tmp_path: Path
) -> None:
    """Kill -9 while it acts: what it had read is known all the same, to the worker that comes after it."""
    file, hold = tmp_path / "banner", tmp_path / "hold"
    file.write_text("off")
    hold.touch()
    async with asyncio.timeout(PATIENCE):
        with killed_later(temporal) as first:
            handle = handle_of(client, await begin(client, plan(toggling(file)), uuid.uuid4().hex[:8]))
            await when((tmp_path / "held").exists)
            first.kill()
        file.write_text("half")  # what the change had come to when it was cut
        hold.unlink()
        with killed_later(temporal):
            request = await asked(handle)
            again = Decision(request.id, "retry", "alice", digest=request.digest, reason="once more")
            await runs.decide(handle, again)
            assert (await handle.result()).outcome == "succeeded"
            assert file.read_text() == "on"
            (effect,) = (await runs.view(handle)).ledger
            assert effect.undo is not None
            assert effect.undo.params == {"file": str(file), "word": "off"}
            assert (await (await back(client, handle)).result()).outcome == "succeeded"
    assert file.read_text() == "off"
    assert file.with_suffix(".log").read_text().splitlines() == ["off -> on", "half -> on", "on -> off"]


async def test_what_an_order_to_undo_cuts_in_the_middle_goes_back_with_the_rest(
    client: Client, tmp_path: Path
) -> None:
    """Nobody knows whether it was made; its way back looks, and brings back what it finds changed."""
    one, two = tmp_path / "1" / "banner", tmp_path / "2" / "banner"
    for file in (one, two):
        file.parent.mkdir()
        file.write_text("off")
    hold = two.with_name("hold")
    hold.touch()
    steps = (replace(toggling(one), id="one"), replace(toggling(two), id="two"))
    async with switching(client, "stanch"), asyncio.timeout(PATIENCE):
        handle = handle_of(client, await begin(client, plan(*steps), uuid.uuid4().hex[:8]))
        await when(two.with_name("held").exists)
        two.write_text("half")  # what the change had come to
        await runs.order(handle, ordered())
        while not any(effect.doubtful for effect in (await runs.view(handle)).ledger):
            await asyncio.sleep(0.05)
        hold.unlink()
        view = await _end_of(handle)
    assert [file.read_text() for file in (one, two)] == ["off", "off"]
    assert [(effect.step, effect.undone) for effect in view.ledger] == [("one", True), ("two", True)]
    assert view.outcome == "aborted"
