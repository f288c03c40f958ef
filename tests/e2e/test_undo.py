"""What a run has changed is taken back, while it is under way and after its end: once, whoever dies.

The hosts' own logs say what was done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devtools.demo.release import BAD, GOOD
from stanch.language.plan import Json
from tests.cli.processes import stanch
from tests.e2e.hosts import SERVICE
from tests.e2e.stage import Stage, start_stage
from tests.e2e.test_worker_death import approve, exchange, kinds, start
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

THERE, BACK = (BAD, GOOD), (GOOD, BAD)


def rolled_back(stage: Stage, *hosts: str, over: str = "ssh") -> str:
    """A run that has rolled these hosts back, and has ended."""
    run = start(stage, *hosts, over=over)
    approve(stage, run)
    assert stage.ended(run)["outcome"] == "succeeded"
    return run


def undo(stage: Stage, run: str, *more: str) -> str:
    """The run that takes it back, as soon as the commander, who has ordered it, has agreed."""
    told: Json = json.loads(stage.stanch("undo", run, "--reason", "it was another release", "--json", *more))
    approve(stage, told["run"])
    return str(told["run"])


def refused(stage: Stage, *words: str) -> str:
    """What the command line says to an order that is refused."""
    config = str(stage.worker.config)
    done = stanch(*words, cwd=stage.folder, STANCH_CONFIG=config, STANCH_USER="alice")
    assert done.returncode != 0
    return done.stderr


def went_back_once(stage: Stage, *hosts: str) -> bool:
    asked = [stage.hosts.calls(host, "redeploy") for host in hosts]
    switched = [stage.hosts.switches(host) for host in hosts]
    return asked == [1] * len(hosts) and switched == [[THERE, BACK]] * len(hosts)


def test_a_worker_that_is_killed_in_the_middle_of_it_takes_nothing_back_twice(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = rolled_back(stage, "web1", "web2", "web3")
        with stage.hosts.holding("redeploy"):
            again = undo(stage, run)
            until(lambda: stage.hosts.is_held("web3", "redeploy"), "the newest change to go back first")
            exchange(stage)
        view = stage.ended(again)
        assert view["outcome"] == "succeeded"
        assert again == f"{run}/undo-1"
        assert "in_doubt" not in kinds(view)
        assert went_back_once(stage, "web1", "web2", "web3")
        order = [stage.hosts.switched_at(host) for host in ("web3", "web2", "web1")]
        assert order == sorted(order)
        assert f"was taken back by `{again}`" in refused(stage, "undo", run, "--reason", "once more")
        assert run in stage.stanch("show", again)


def test_what_its_target_does_not_know_again_is_settled_by_the_check(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = rolled_back(stage, "web1", over="ansible")
        with stage.hosts.holding("redeploy"):
            again = undo(stage, run)
            until(lambda: stage.hosts.is_held("web1", "redeploy"), "the way back to begin")
            stage.worker.kill()
        until(lambda: len(stage.hosts.switches("web1")) == 2, "the host to finish what it was told")
        stage.worker.start()
        view = stage.ended(again)
        assert view["outcome"] == "succeeded"
        assert kinds(view).index("in_doubt") < kinds(view).index("settled")
        assert went_back_once(stage, "web1")


def test_it_goes_back_to_a_step_and_the_next_one_takes_the_rest(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = rolled_back(stage, "web1", "web2", "web3")
        first = undo(stage, run, "--to", "over_ssh[1]")
        assert stage.ended(first)["outcome"] == "succeeded"
        assert [len(stage.hosts.switches(host)) for host in ("web1", "web2", "web3")] == [1, 2, 2]
        second = undo(stage, run)
        assert stage.ended(second)["outcome"] == "succeeded"
        assert went_back_once(stage, "web1", "web2", "web3")


def test_what_somebody_has_changed_meanwhile_is_told_when_it_does_not_come_back(tmp_path: Path) -> None:
    """The way back ends well, and somebody at the host has the release there again at once."""
    with start_stage(tmp_path) as stage:
        run = rolled_back(stage, "web1")
        with stage.hosts.holding("current"):
            again = undo(stage, run)
            until(lambda: stage.hosts.calls("web1", "redeploy"), "the way back to be gone")
            until(lambda: stage.hosts.is_held("web1", "current"), "its check to be asked")
            stage.hosts.by_hand("web1", "rollback", SERVICE)
        request = stage.asked(again)
        assert request["kind"] in ("failure", "in_doubt")
        assert "what it should bring about is not there" in request["evidence"][0]
        assert stage.view(again)["outcome"] is None


def test_an_order_to_go_back_survives_the_worker_that_carries_it_out(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        given = ["-i", f"service={SERVICE}", "-i", "hosts=web1,web2"]
        run = json.loads(stage.stanch("run", "rollback-and-watch", *given, "--json", by="bob"))["run"]
        approve(stage, run)
        until(lambda: kinds(stage.view(run)).count("step_succeeded") >= 4, "both hosts to be rolled back")
        with stage.hosts.holding("redeploy"):
            stage.stanch("undo", run, "--reason", "it was another release")
            until(lambda: stage.hosts.is_held("web2", "redeploy"), "the newest change to go back first")
            exchange(stage)
        view = stage.ended(run)
        assert (view["outcome"], "all 2 changes were taken back" in view["reason"]) == ("aborted", True)
        assert [(each["undone"], each["verified"]) for each in view["ledger"]] == [(True, True)] * 2
        assert went_back_once(stage, "web1", "web2")
