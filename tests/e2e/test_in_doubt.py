"""Ansible in mid-play when its worker is killed: gone on with where that is declared to be harmless, and else
a question with what is known of each host. The hosts' own logs say what was done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client

from stanch.client.payloads import data_converter
from stanch.language.plan import Json
from tests.e2e.hosts import SERVICE
from tests.e2e.stage import Stage, start_stage
from tests.e2e.test_worker_death import approve
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

HOSTS = ("web1", "web2", "web3")


def start(stage: Stage, *, twice: bool) -> str:
    inputs = {"service": SERVICE, "hosts": ",".join(HOSTS), "twice": str(twice).lower()}
    given = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    stage.stanch("run", "rollback-in-turn", *given, by="bob")
    (run,) = stage.runs()
    return run


def told(stage: Stage, run: str) -> Json:
    """What the run's action has last told of its targets: how it stands, and where, by name."""

    async def ask() -> Json:
        client = await Client.connect(stage.temporal.address, data_converter=data_converter)
        description = await client.get_workflow_handle(run).describe()
        pending = description.raw_description.pending_activities
        if not pending or not pending[0].HasField("heartbeat_details"):
            return {}
        _, memory = await data_converter.decode(list(pending[0].heartbeat_details.payloads))
        return {end["target"]: (end["state"], end["note"]) for end in memory["ends"] or []}

    return asyncio.run(ask())


def killed_in_mid_play(stage: Stage, run: str) -> None:
    """web1 is done, web2 has begun, web3 has not."""
    with stage.hosts.holding("look"):
        approve(stage, run)
        until(lambda: stage.hosts.is_held("web2", "look"), "the second host to be under way")
        begun = ("unknown", "in `Look at it`")
        expected = {"web1": ("done", ""), "web2": begun, "web3": ("not_started", "")}
        until(lambda: told(stage, run) == expected, "the worker to have told of it", every=0.3)
        stage.worker.kill()
    stage.worker.start()


def rolled(stage: Stage) -> list[int]:
    return [stage.hosts.calls(host, "redeploy") for host in HOSTS]


def test_another_worker_goes_on_with_the_hosts_that_are_not_done(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, twice=True)
        killed_in_mid_play(stage, run)
        view = stage.ended(run)
        assert (view["outcome"], len(view["ledger"])) == ("succeeded", 1)
        assert rolled(stage) == [1, 2, 1]


def test_without_leave_the_commander_is_asked_with_what_is_known_of_each_host(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, twice=False)
        killed_in_mid_play(stage, run)
        request = stage.asked(run)
        assert (request["kind"], request["choices"]) == ("in_doubt", ["done", "retry", "undo", "abort"])
        assert rolled(stage) == [1, 1, 0]
        shown = " ".join(stage.stanch("show", run).split())
        for words in (
            f'roll.yml -e \'{{"release":"2026.11.1","service":"{SERVICE}"}}\' on web1, web2, web3',
            "its worker went silent; it may have acted",
            "web1: ended (as its worker told at ",
            "web2: begun, and nobody knows how it ended: in `Look at it` (as its worker told at ",
            "web3: not begun (as its worker told at ",
            "it is not in place; `result.all(",
            "`undo` carries out the way back, whether or not it was made: `ansible-playbook redeploy.yml",
        ):
            assert words in shown, shown
        stage.stanch("decide", run, "undo", "--digest", request["digest"], "--reason", "safest")
        view = stage.ended(run)
        assert (view["outcome"], [effect["undone"] for effect in view["ledger"]]) == ("failed", [True])
        assert rolled(stage) == [2, 2, 1], "the way back went to all of them"
