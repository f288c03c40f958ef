"""Everything that stands round a run in production, started as processes: what the tests here begin with."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml

from devtools.demo.process import running_demo
from stanch.language.plan import Json
from tests.cli.processes import stanch
from tests.e2e.hosts import SERVICE, Hosts, start_hosts
from tests.support.alertmanager import Alertmanager, start_alertmanager
from tests.support.process import ending_with_us
from tests.support.prometheus import Prometheus, start_prometheus
from tests.support.sshd import unused_port
from tests.support.temporal import TemporalServer, start_temporal
from tests.support.until import until
from tests.support.worker import Worker

HERE = Path(__file__).parent
TOKEN = "t0ken-of-the-test"
ERROR_RATE = (
    f'sum by (service) (rate(http_errors_total{{service="{SERVICE}"}}[5s]))'
    f' / sum by (service) (rate(http_requests_total{{service="{SERVICE}"}}[5s]))'
)
RULE: Json = {
    "alert": "HighErrorRate",
    "expr": f"{ERROR_RATE} > 0.05",
    "for": "2s",
    "labels": {"severity": "critical"},
    "annotations": {
        "hosts": "web1,web2,web3",
        "summary": "{{ $value | humanizePercentage }} of the requests to {{ $labels.service }} fail",
    },
}


@dataclass(slots=True)
class Stage:
    """Temporal with a database file, the hosts, and a worker with gateway that may be exchanged."""

    folder: Path
    hosts: Hosts
    temporal: TemporalServer
    worker: Worker
    prometheus_url: str
    """Where the worker looks for Prometheus; on a stage without one, nobody is there."""

    def stanch(self, *arguments: str, by: str = "alice") -> str:
        """What the command line, as a process of its own, prints for `by`; it must succeed."""
        config = str(self.worker.config)
        done = stanch(*arguments, cwd=self.folder, STANCH_CONFIG=config, STANCH_USER=by)
        assert done.returncode == 0, f"stanch {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def begin(self, runbook: str, **inputs: Json) -> str:
        """The id of a run that bob starts."""
        texts = {name: held if isinstance(held, str) else json.dumps(held) for name, held in inputs.items()}
        given = [word for name, text in texts.items() for word in ("-i", f"{name}={text}")]
        return str(json.loads(self.stanch("run", runbook, *given, "--json", by="bob"))["run"])

    def answer(self, run: str, verb: str, *words: str) -> Json:
        """The request that is open, which alice answers with `stanch VERB RUN WORDS`."""
        request = self.asked(run)
        self.stanch(verb, run, *words, "--digest", request["digest"], "--reason", "I have looked at it")
        return request

    def get(self, path: str) -> httpx.Response | None:
        """What the gateway answers with 200; None while it does not."""
        try:
            answer = httpx.get(f"{self.worker.url}{path}", timeout=10)
        except httpx.TransportError:
            return None
        return answer if answer.status_code == 200 else None

    def runs(self) -> list[str]:
        """The id of every execution of every run, the newest first."""
        answer = until(lambda: self.get("/api/v1/runs"), "the list of runs")
        return [line["run"] for line in answer.json()["runs"]]

    def view(self, run: str) -> Json:
        """All of the newest execution of `run`."""
        return until(lambda: self.get(f"/api/v1/runs/{run}"), f"the gateway to show `{run}`").json()

    def asked(self, run: str) -> Json:
        """The request that is open, as soon as one is."""

        def ask() -> Json:
            view = self.view(run)
            assert view["outcome"] is None, f"{view['outcome']}: {view['reason']}"
            return view["requests"]

        (request,) = until(ask, f"`{run}` to ask", every=0.3)
        return request

    def ended(self, run: str) -> Json:
        """The run as it is once it has ended. Fails when it asks instead."""

        def ask() -> Json:
            view = self.view(run)
            assert not view["requests"], view["requests"]
            return view if view["outcome"] else None

        return until(ask, f"`{run}` to end", every=0.3)

    def counted(self, outcome: str) -> int:
        """How many alerts the gateway has counted with this outcome since its worker was started."""
        text = until(lambda: self.get("/metrics"), "the gateway's metrics").text
        sample = rf'^stanch_gateway_alerts_total{{outcome="{outcome}",source="alertmanager"}} (\S+)$'
        found = re.search(sample, text, re.MULTILINE)
        return int(float(found.group(1))) if found else 0


@contextlib.contextmanager
def start_stage(folder: Path, **config: Json) -> Iterator[Stage]:
    """`config` is what the worker's configuration has beside, or instead of, that of every stage."""
    with start_hosts(folder) as hosts, durable_temporal(folder) as temporal:
        worker = Worker(folder / "stanch.yaml", f"http://127.0.0.1:{unused_port()}")
        stage = Stage(folder, hosts, temporal, worker, f"http://127.0.0.1:{unused_port()}")
        _configure(stage, config)
        try:
            hosts.furnish()
            worker.start()
            yield stage
        except BaseException as error:
            error.add_note(f"the worker's log ends with:\n{worker.log.read_text()[-4000:]}")
            raise
        finally:
            worker.stop()


@contextlib.contextmanager
def durable_temporal(folder: Path, *, port: int = 0) -> Iterator[TemporalServer]:
    """Goes on with the database that an earlier one has left in `folder`."""
    with (
        start_temporal(folder, port=port, database=folder / "temporal.db") as server,
        ending_with_us(server.process),
    ):
        yield server


def _configure(stage: Stage, more: Mapping[str, Json]) -> None:
    token = stage.folder / "token"
    token.write_text(TOKEN)
    config = {
        "temporal": {"address": stage.temporal.address},
        "gateway": {"port": urlsplit(stage.worker.url).port, "alert_token": {"secret": f"file/{token}"}},
        "runbooks": [str(HERE / "runbooks")],
        "ssh": {"config_file": str(stage.hosts.farm.config_file)},
        "ansible": {"project": str(HERE / "playbooks")},
        "command": {"programs": ["rm", "sh", "test"]},
        "prometheus": {"url": stage.prometheus_url},
        "evidence": {"path": "evidence"},
    }
    stage.worker.config.write_text(yaml.safe_dump({**config, **more}))


@dataclass(frozen=True, slots=True)
class Watch:
    """The demo's service, Prometheus that watches it, and Alertmanager that tells the gateway."""

    prometheus: Prometheus
    alertmanager: Alertmanager

    def error_rate(self) -> float | None:
        return self.prometheus.value(ERROR_RATE)

    def is_quiet(self) -> bool:
        """Neither of them knows of an alert any more."""
        return not self.prometheus.alerts() and not self.alertmanager.alerts()


@contextlib.contextmanager
def watching(stage: Stage) -> Iterator[Watch]:
    """Starts when the stage stands, so every alert finds a gateway."""
    webhook = f"{stage.worker.url}/alerts/alertmanager"
    with (
        running_demo(stage.hosts.state, "--service", SERVICE, "--fresh") as demo,
        start_alertmanager(
            stage.folder / "alertmanager", webhook=webhook, token=stage.folder / "token"
        ) as alertmanager,
    ):
        stage.hosts.hand_over()
        with start_prometheus(
            stage.folder / "prometheus",
            url=stage.prometheus_url,
            target=demo.http,
            rules=[RULE],
            alertmanager=alertmanager.url,
        ) as prometheus:
            yield Watch(prometheus, alertmanager)
