"""Two networks, a worker in each, and a host that only one of them reaches."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.processes import bare_environment
from tests.e2e.stage import start_stage
from tests.project.checkout import ROOT
from tests.support.sshd import unused_port
from tests.support.zone import in_zone

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]


def test_only_a_zones_worker_reaches_its_host_and_does_what_the_zone_says(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage:
        host = unused_port()
        with in_zone(
            [sys.executable, str(ROOT / "worker.py"), "--zone", "dmz", "--stop-with-stdin"],
            out=int(stage.temporal.address.rpartition(":")[2]),
            host=host,
            log=tmp_path / "zone.log",
            env=bare_environment(STANCH_CONFIG=str(stage.worker.config)),
            cwd=tmp_path,
        ):
            told = stage.stanch("run", "look-into-zone", "-i", f"port={host}", "--json", by="bob")
            view = stage.ended(json.loads(told)["run"])
    assert (view["outcome"], view["outputs"]) == ("succeeded", {"where": "in the zone"})
    assert [found["text"] for found in view["findings"]] == ["It answers, in the zone."]
    assert "connection refused" in json.dumps(view["timeline"]), "nobody else reaches it"
