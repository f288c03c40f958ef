"""The job that the demo is for: a bad release seen over HTTP, taken back over SSH."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devtools.demo.process import Demo, running_demo
from devtools.demo.release import BAD, GOOD
from tests.devtools.support import run_on, until


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Demo]:
    with running_demo(tmp_path / "state", "--load", "100", "--window", "2") as running:
        yield running


def health(demo: Demo) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{demo.http}/health").json()
    return answer


def test_rolling_every_host_back_over_ssh_takes_the_error_rate_from_a_fifth_to_nothing(loaded: Demo) -> None:
    until(lambda: health(loaded)["requests"] >= 60)
    assert health(loaded)["error_rate"] == pytest.approx(0.2, abs=0.05)

    for host in loaded.hosts:
        outcome = run_on(loaded, host, "deploy rollback checkout")
        assert (outcome.status, outcome.stdout) == (0, f"{host}: {BAD} -> {GOOD}\n".encode())

    until(lambda: health(loaded)["error_rate"] == 0.0)
    after = health(loaded)
    assert after["requests"] >= 60
    assert [one["release"] for one in after["instances"]] == [GOOD] * 3


def test_the_load_goes_through_the_port_at_the_rate_asked_for(loaded: Demo) -> None:
    until(lambda: health(loaded)["requests"] >= 60)
    assert health(loaded)["requests"] <= 210


def test_without_load_only_requests_of_others_count(demo: Demo) -> None:
    statuses = [httpx.get(f"{demo.http}/checkout").status_code for _ in range(15)]
    assert (statuses.count(500), statuses.count(200)) == (3, 12)
    assert health(demo) | {"instances": []} == {
        "service": "checkout",
        "window_seconds": 5.0,
        "requests": 15,
        "errors": 3,
        "error_rate": 0.2,
        "instances": [],
    }


def test_metrics_are_in_the_text_format_that_prometheus_asks_for(demo: Demo) -> None:
    httpx.get(f"{demo.http}/checkout")
    answer = httpx.get(f"{demo.http}/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (
        f'http_requests_total{{instance_host="web1",release="{BAD}",service="checkout"}} 1.0' in answer.text
    )


def test_an_unknown_path_is_told_what_there_is(demo: Demo) -> None:
    answer = httpx.get(f"{demo.http}/chekout")
    assert answer.status_code == 404
    assert answer.json() == {"error": "nothing at `/chekout`; there is /checkout, /health, /metrics"}


def test_the_service_goes_by_the_name_it_is_given(tmp_path: Path) -> None:
    with running_demo(tmp_path / "state", "--load", "0", "--service", "payments") as running:
        assert httpx.get(f"{running.http}/payments").json()["service"] == "payments"
        assert json.loads(run_on(running, "web1", "deploy current payments --json").stdout) == {
            "service": "payments",
            "host": "web1",
            "release": BAD,
            "previous": GOOD,
            "since": json.loads((running.state / "hosts/web1/current").read_text())["since"],
        }


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client on this machine")
def test_openssh_reaches_a_host_with_the_written_configuration_alone(demo: Demo) -> None:
    def ssh(*command: str) -> subprocess.CompletedProcess[str]:
        argv = ["ssh", "-F", str(demo.ssh_config), "-o", "BatchMode=yes", *command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)

    assert json.loads(ssh("web2", "deploy", "current", "checkout", "--json").stdout)["release"] == BAD
    rolled_back = ssh("web2", "deploy", "rollback", "checkout")
    assert (rolled_back.returncode, rolled_back.stdout) == (0, f"web2: {BAD} -> {GOOD}\n")
    again = ssh("web2", "deploy", "rollback", "checkout")
    assert (again.returncode, again.stdout) == (3, "")
    assert "already rolled back" in again.stderr
