"""A person stops a run, or keeps it back, while hosts hang and workers die."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from stanch.language.plan import Json
from tests.e2e.hosts import SERVICE
from tests.e2e.stage import Stage, start_stage
from tests.e2e.test_worker_death import approve, exchange, rolled_back_once, start
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]


def parked(stage: Stage, run: str, *steps: str) -> Json:
    """The run, as soon as just these steps are kept back."""

    def ask() -> Json:
        view = stage.view(run)
        assert view["outcome"] is None, view["reason"]
        return view if view["parked"] == list(steps) else None

    return until(ask, f"{steps} to be kept back", every=0.3)


def test_an_abort_tells_of_each_host_how_it_ended_there(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        inputs = ["-i", f"service={SERVICE}", "-i", "hosts=web1,web2"]
        run = json.loads(stage.stanch("run", "rollback-at-once", *inputs, "--json", by="bob"))["run"]
        with stage.hosts.holding("rollback"):
            approve(stage, run)
            hosts = ("web1", "web2")
            until(lambda: all(stage.hosts.is_held(host, "rollback") for host in hosts), "both to begin")
            web2 = stage.hosts.farm["web2"]
            assert web2.process is not None
            # Not even a new connection is answered there.
            frozen = [psutil.Process(web2.process.pid), *web2.freeze()]
            frozen[0].suspend()
            try:
                stage.stanch("abort", run, "--reason", "the wrong hosts")
                view = stage.ended(run)
            finally:
                web2.thaw(frozen)
        told = [moment["text"] for moment in view["timeline"] if moment["kind"] == "target"]
        assert sorted(text.partition(":")[0] for text in told) == ["web1", "web2"], told
        assert any(text.startswith("web1: stopped") for text in told), told
        # Not that it was stopped, for nobody can know.
        assert any(text.startswith(("web2: was told to stop, and did not", "web2: nobody")) for text in told)
        assert view["outcome"] == "in_doubt"
        assert view["reason"].endswith("in doubt: roll_back")
        assert stage.hosts.switches("web1") == []


def test_what_is_kept_back_stays_so_when_workers_are_killed_and_begins_once(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, "web1", "web2")
        stage.asked(run)
        stage.stanch("pause", run, "--reason", "is it the right service?")
        approve(stage, run)
        before = parked(stage, run, "roll_back")
        exchange(stage)
        after = stage.view(run)
        assert (after["paused"], after["parked"]) == (before["paused"], ["roll_back"])

        stage.stanch("hold", run, "--reason", "first look at the other region")
        stage.stanch("resume", run)
        parked(stage, run, "over_ssh")
        exchange(stage)
        assert stage.view(run)["parked"] == ["over_ssh"]
        assert stage.hosts.calls("web1", "rollback") == 0

        stage.stanch("release", run)
        assert stage.ended(run)["outcome"] == "succeeded"
        assert rolled_back_once(stage, "web1", "web2")
