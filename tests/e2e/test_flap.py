"""An alert that comes back, or stays: which deliveries of a real Alertmanager are news and which are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools.demo.release import BAD, GOOD
from tests.e2e.hosts import HOSTS, SERVICE
from tests.e2e.stage import Stage, start_stage, watching
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]


def everywhere(stage: Stage, *command: str) -> None:
    """What somebody does on every host by hand."""
    for host in HOSTS:
        stage.hosts.by_hand(host, *command)


def test_an_alert_that_comes_back_is_a_new_run_and_one_that_stays_is_not(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage, watching(stage) as watch:
        (run,) = until(stage.runs, "the alert to start a run")
        stage.stanch("approve", run, "--digest", stage.asked(run)["digest"], "--reason", "bad release")
        first = stage.ended(run)
        assert first["outcome"] == "succeeded"
        until(watch.is_quiet, "the alert to resolve")
        until(lambda: stage.counted("resolved"), "the gateway to hear of it")
        assert stage.runs() == [run]

        everywhere(stage, "redeploy", SERVICE, BAD)
        until(lambda: len(stage.runs()) > 1, "the alert to start another run")
        request = stage.asked(run)
        second = stage.view(run)
        assert second["started"] > first["ended"]
        stage.stanch("deny", run, "--digest", request["digest"], "--reason", "we look at it by hand")
        assert stage.view(run)["outcome"] == "denied"

        told = stage.counted("already_handled")
        until(lambda: stage.counted("already_handled") >= told + 2, "Alertmanager to repeat itself")
        resolved = stage.counted("resolved")
        everywhere(stage, "rollback", SERVICE)
        until(lambda: stage.counted("resolved") > resolved, "the gateway to hear that the alert has resolved")
        assert stage.runs() == [run, run]
        assert stage.view(run)["started"] == second["started"]
        assert [stage.hosts.switches(host) for host in HOSTS] == [[(BAD, GOOD), (GOOD, BAD), (BAD, GOOD)]] * 3


def test_a_run_that_waits_is_told_that_its_alert_has_resolved(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage, watching(stage):
        (run,) = until(stage.runs, "the alert to start a run")
        stage.asked(run)
        everywhere(stage, "rollback", SERVICE)
        until(
            lambda: [moment for moment in stage.view(run)["timeline"] if moment["kind"] == "alert"],
            "the run to be told",
        )
        stage.stanch("abort", run, "--reason", "somebody was faster")
        assert stage.ended(run)["outcome"] == "aborted"
        assert stage.runs() == [run]
        assert sum(stage.hosts.calls(host, "rollback") for host in HOSTS) == len(HOSTS)
