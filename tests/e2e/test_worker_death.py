"""Kill -9 of the worker at the worst moments, and of Temporal. The hosts' own logs say what was done."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from devtools.demo.release import BAD, GOOD
from stanch.language.plan import Json
from tests.e2e.hosts import SERVICE
from tests.e2e.stage import Stage, durable_temporal, start_stage
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

RUNBOOK = "rollback-hosts"


def start(stage: Stage, *hosts: str, over: str = "ssh") -> str:
    """The id of a new run that somebody else than the approver has started."""
    inputs = {"service": SERVICE, "hosts": ",".join(hosts), "over": over}
    given = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    run: str = json.loads(stage.stanch("run", RUNBOOK, *given, "--json", by="bob"))["run"]
    return run


def approve(stage: Stage, run: str) -> None:
    request = stage.asked(run)
    stage.stanch("approve", run, "--digest", request["digest"], "--reason", "the release is bad")


def exchange(stage: Stage) -> None:
    """Kill the worker and start another one."""
    stage.worker.kill()
    stage.worker.start()


def rolled_back_once(stage: Stage, *hosts: str) -> bool:
    """Each host was asked to roll back once, and did."""
    asked = [stage.hosts.calls(host, "rollback") for host in hosts]
    switched = [stage.hosts.switches(host) for host in hosts]
    return asked == [1] * len(hosts) and switched == [[(BAD, GOOD)]] * len(hosts)


def kinds(view: Json) -> list[str]:
    return [moment["kind"] for moment in view["timeline"]]


def test_another_worker_goes_on_when_one_is_killed_while_a_request_waits(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, "web1", "web2")
        before = stage.asked(run)
        exchange(stage)
        assert stage.asked(run) == before
        approve(stage, run)
        assert stage.ended(run)["outcome"] == "succeeded"
        assert rolled_back_once(stage, "web1", "web2")


def test_a_run_survives_the_death_of_temporal_while_its_request_waits(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, "web1", "web2")
        before = stage.asked(run)
        stage.temporal.process.kill()
        stage.temporal.process.wait()
        port = int(stage.temporal.address.rpartition(":")[2])
        with durable_temporal(stage.folder, port=port):
            assert stage.asked(run) == before
            approve(stage, run)
            assert stage.ended(run)["outcome"] == "succeeded"
            assert rolled_back_once(stage, "web1", "web2")


def test_a_read_that_loses_its_worker_is_read_again(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        with stage.hosts.holding("current"):
            run = start(stage, "web1")
            until(lambda: stage.hosts.is_held("web1", "current"), "the read to begin")
            stage.worker.kill()
        stage.worker.start()
        approve(stage, run)
        assert stage.ended(run)["outcome"] == "succeeded"
        assert stage.hosts.calls("web1", "current") >= 2
        assert rolled_back_once(stage, "web1")


@pytest.mark.parametrize("ends", [True, False])
def test_a_change_over_ssh_that_outlives_its_worker_is_collected_by_another(
    tmp_path: Path, *, ends: bool
) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, "web1")
        with stage.hosts.holding("rollback"):
            approve(stage, run)
            until(lambda: stage.hosts.is_held("web1", "rollback"), "the change to begin")
            stage.worker.kill()
            logins = stage.hosts.farm["web1"].logins()
            if not ends:
                stage.worker.start()
                until(lambda: stage.hosts.farm["web1"].logins() > logins, "another worker to look for it")
        until(lambda: stage.hosts.switches("web1"), "the host to finish what it was told")
        if ends:
            stage.worker.start()
        view = stage.ended(run)
        assert view["outcome"] == "succeeded"
        assert "in_doubt" not in kinds(view)
        assert [effect["target"] for effect in view["ledger"]] == ["web1"]
        assert rolled_back_once(stage, "web1")


def test_a_change_that_outlives_its_worker_is_found_done_and_not_repeated(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, "web1", over="ansible")
        with stage.hosts.holding("rollback"):
            approve(stage, run)
            until(lambda: stage.hosts.is_held("web1", "rollback"), "the change to begin")
            stage.worker.kill()
        until(lambda: stage.hosts.switches("web1"), "the host to finish what it was told")
        stage.worker.start()
        view = stage.ended(run)
        assert view["outcome"] == "succeeded"
        assert kinds(view).index("in_doubt") < kinds(view).index("settled")
        assert [effect["target"] for effect in view["ledger"]] == ["web1"]
        assert view["spent"]["in_doubt"] >= 0
        assert rolled_back_once(stage, "web1")


def restart(stage: Stage, host: str) -> None:
    """Have the host's markers say that they were written before it was last restarted."""
    for begun in (stage.hosts.farm[host].home / ".stanch").glob("*/begun"):
        _, *rest = begun.read_text().splitlines(keepends=True)
        begun.write_text("".join(["an earlier boot\n", *rest]))


def test_a_change_that_is_not_in_place_is_a_question_and_a_retry_looks_first(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = start(stage, "web1")
        with stage.hosts.holding("rollback"):
            approve(stage, run)
            until(lambda: stage.hosts.is_held("web1", "rollback"), "the change to begin")
            stage.worker.kill()
            restart(stage, "web1")
            stage.worker.start()
            request = stage.asked(run)
            assert (request["kind"], request["step"]) == ("failure", "over_ssh")
            assert "1 of 1 failed: `web1` " in request["evidence"][0]
            assert "the host was restarted after the command had begun" in request["evidence"][0]
            assert "`done` says that it was not made" in request["evidence"][0]
            assert set(request["choices"]) >= {"retry", "skip", "abort"}
            assert stage.hosts.calls("web1", "rollback") == 1
        until(lambda: stage.hosts.switches("web1"), "the host to finish what it was told")
        stage.stanch(
            "decide", run, "retry", "--digest", request["digest"], "--reason", "see whether it is done"
        )
        view = stage.ended(run)
        assert view["outcome"] == "succeeded"
        assert rolled_back_once(stage, "web1")
        assert [effect["target"] for effect in view["ledger"]] == ["web1"]


def test_a_program_dies_with_its_worker_and_a_retry_looks_before_it_runs_it_again(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        run = json.loads(stage.stanch("run", "run-here", "-i", f"folder={tmp_path}", "--json", by="bob"))[
            "run"
        ]
        approve(stage, run)
        until((tmp_path / "begun").exists, "the program to begin")
        stage.worker.kill()
        until(lambda: not programs_with(f"{tmp_path}"), "the program to end with its worker")
        stage.worker.start()
        request = stage.asked(run)
        assert (request["kind"], request["step"]) == ("failure", "make")
        (tmp_path / "go").touch()
        stage.stanch("decide", run, "retry", "--digest", request["digest"], "--reason", "it was not made")
        view = stage.ended(run)
    assert view["outcome"] == "succeeded"
    assert "in_doubt" in kinds(view)
    assert [(tmp_path / name).read_text() for name in ("begun", "made")] == ["x\nx\n", "x\n"]


def programs_with(argument: str) -> list[int]:
    """The processes that were given `argument`."""
    found = psutil.process_iter(["cmdline"])
    return [process.pid for process in found if argument in (process.info["cmdline"] or ())]
