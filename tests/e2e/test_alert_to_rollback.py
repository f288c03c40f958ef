"""The main job on input that nobody here wrote: a real alert, real hosts, a real approval."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devtools.demo.release import BAD, GOOD
from tests.e2e.hosts import HOSTS
from tests.e2e.stage import Stage, start_stage, watching
from tests.support.until import until

# Each of them keeps two cores busy.
pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]


def test_an_alert_becomes_an_approved_and_verified_rollback(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage, watching(stage) as watch:
        (run,) = until(stage.runs, "the alert to start a run")
        request = stage.asked(run)
        assert [change["target"] for change in request["changes"]] == list(HOSTS)

        until(lambda: stage.counted("running") >= 2, "Alertmanager to repeat itself")
        assert stage.counted("started") == 1
        assert [stage.hosts.switches(host) for host in HOSTS] == [[], [], []]

        stage.stanch("approve", run, "--digest", request["digest"], "--reason", "the release is bad")
        view = stage.ended(run)
        assert view["outcome"] == "succeeded", view["reason"]
        assert view["outputs"] == {"released": BAD, "after": GOOD}
        until(lambda: watch.error_rate() == 0.0, "the error rate to be 0")
        until(watch.is_quiet, "the alert to resolve by itself")
        until(lambda: stage.counted("resolved"), "the gateway to hear that the alert has resolved")

        assert rolled_back_once(stage)
        order = [stage.hosts.switched_at(host) for host in HOSTS]
        assert order == sorted(order)
        assert stage.runs() == [run]
        assert (stage.counted("started"), stage.counted("problem")) == (1, 0)
        told = json.loads(stage.stanch("show", run, "--json"))
        assert told["spent"]["waiting"] > 1
        assert told["spent"]["soaking"] > 3


def rolled_back_once(stage: Stage) -> bool:
    """Each host was asked to roll back once, and did."""
    asked = [stage.hosts.calls(host, "rollback") for host in HOSTS]
    switched = [stage.hosts.switches(host) for host in HOSTS]
    return asked == [1, 1, 1] and switched == [[(BAD, GOOD)]] * 3
