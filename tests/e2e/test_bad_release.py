"""The shipped runbooks `bad-release` and `bad-config` on hosts with a real systemd, links and files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stanch.language.plan import Json
from tests.activities.served import served
from tests.e2e.stage import Stage, start_stage
from tests.project.checkout import ROOT
from tests.support.prometheus import Prometheus, start_prometheus
from tests.support.systemd import Managers, start_systemd
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

HOSTS = ("web1", "web2")
UNIT = """\
[Service]
ExecStart=/bin/sh -c 'cat {shop}/current/name >{now}/release; cat {shop}/current/name >{now}/config; \
    exec sleep 1000'
ExecReload=/bin/sh -c 'cat {shop}/current/name >{now}/config'
ExecStopPost=/bin/rm -f {now}/release
"""


@dataclass(slots=True)
class Shop:
    """It writes down for each host with which release it was started, and which it has read last.

    Both hosts are this machine, so they share the folder with the link, as hosts do that mount one.
    """

    folder: Path
    managers: Managers
    url: str = ""
    prometheus: Prometheus | None = None
    fails_anyway: bool = False
    requests: int = 0
    errors: int = 0

    @property
    def path(self) -> Path:
        return self.folder / "shop"

    def furnish(self) -> None:
        """Both hosts on v42, after v41."""
        self.fails_anyway = False
        (self.path / "current").unlink(missing_ok=True)
        for at, name in enumerate(("v41", "v42")):
            release = self.path / "releases" / name
            release.mkdir(parents=True, exist_ok=True)
            (release / "name").write_text(name)
            os.utime(release, (1_700_000_000 + at, 1_700_000_000 + at))
        (self.path / "current").symlink_to("releases/v42")
        # Long ago, so that what an earlier test has seen fail was not before.
        os.utime(self.path / "current", (1_700_000_002, 1_700_000_002), follow_symlinks=False)
        user = self.managers.farm.user
        subprocess.run(["chown", "-hR", user, str(self.folder)], check=True, timeout=30)
        for host in HOSTS:
            (self.folder / host).mkdir(exist_ok=True)
            subprocess.run(["chown", "-hR", user, str(self.folder)], check=True, timeout=30)
            self.managers.install("shop.service", UNIT.format(shop=self.path, now=self.folder / host), host)
            self.managers.systemctl(host, "restart", "shop.service")
        until(lambda: [self.runs(host) for host in HOSTS] == ["v42", "v42"], "the shop to run")

    def runs(self, host: str) -> str:
        """The release that its process was started with; empty when none runs."""
        return _said(self.folder / host / "release")

    def reads(self, host: str) -> str:
        """The configuration that it has read last."""
        return _said(self.folder / host / "config")

    def link(self) -> str:
        return (self.path / "current").readlink().name

    async def metrics(self, _: Request) -> Response:
        """Each scrape finds 30 requests more."""
        self.requests += 30
        fails = self.fails_anyway or any(self.runs(host) == "v42" for host in HOSTS)
        self.errors += 10 if fails else 0
        lines = (
            f'http_{name}_total{{service="shop"}} {value}'
            for name, value in (("requests", self.requests), ("errors", self.errors))
        )
        return PlainTextResponse("\n".join([*lines, ""]))

    async def health(self, _: Request) -> Response:
        fails = self.fails_anyway or self.reads("web1") == "v42"
        return PlainTextResponse("", 503 if fails else 200)


def _said(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with start_stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture(scope="module")
def open_shop(stage: Stage) -> Iterator[Shop]:
    """The worker with the shipped runbooks, the shop on its hosts, and Prometheus that looks at it."""
    folder = Path(tempfile.mkdtemp(prefix="stanch-shop-"))
    folder.chmod(0o755)
    try:
        with start_systemd(stage.hosts.farm, HOSTS) as managers:
            shop = Shop(folder, managers)
            shop.furnish()
            config = yaml.safe_load(stage.worker.config.read_text())
            config["runbooks"] = [str(ROOT / "runbooks")]
            stage.worker.config.write_text(yaml.safe_dump(config))
            stage.worker.stop()
            stage.worker.start()
            routes = [Route("/metrics", shop.metrics), Route("/health", shop.health)]
            with (
                served(Starlette(routes=routes)) as shop.url,
                start_prometheus(
                    stage.folder / "prometheus",
                    url=stage.prometheus_url,
                    target=shop.url,
                    rules=[],
                    alertmanager=shop.url,
                ) as prometheus,
            ):
                shop.prometheus = prometheus
                yield shop
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shop(open_shop: Shop) -> Shop:
    """Prometheus has seen that it fails."""
    prometheus = open_shop.prometheus
    assert prometheus is not None
    open_shop.furnish()
    rate = 'rate(http_errors_total{service="shop"}[5s]) > 0.2'
    until(lambda: prometheus.value(rate), "Prometheus to see errors")
    return open_shop


def start(stage: Stage, runbook: str, **inputs: object) -> str:
    given = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return str(json.loads(stage.stanch("run", runbook, *given, "--json", by="bob"))["run"])


def back_from_the_release(stage: Stage, shop: Shop, *hosts: str) -> str:
    """A run of `bad-release` on these hosts."""
    inputs = {"service": "shop", "hosts": json.dumps(hosts), "path": shop.path, "unit": "shop.service"}
    return start(stage, "bad-release", **inputs, window="5s")


def answer(stage: Stage, run: str, *words: str) -> Json:
    """The request that is open, which is answered with these words."""
    request = stage.asked(run)
    verb, *more = words
    stage.stanch(verb, run, *more, "--digest", request["digest"], "--reason", "it began with v42")
    return request


def test_the_release_goes_host_by_host_and_so_do_the_errors(stage: Stage, shop: Shop) -> None:
    run = back_from_the_release(stage, shop, *HOSTS)
    request = answer(stage, run, "approve")
    assert request["question"] == "Go from v42 back to v41? (6 changes)"
    view = stage.ended(run)
    assert view["outcome"] == "succeeded", view["reason"]
    assert view["outputs"]["after"] == ["web1: v41", "web2: v41"]
    assert (shop.link(), [shop.runs(host) for host in HOSTS]) == ("v41", ["v41", "v41"])


def test_a_release_that_is_innocent_comes_back_and_runs(stage: Stage, shop: Shop) -> None:
    shop.managers.systemctl("web2", "stop", "shop.service")
    run = back_from_the_release(stage, shop, "web1")
    answer(stage, run, "approve")
    shop.fails_anyway = True
    until(lambda: (shop.link(), shop.runs("web1")) == ("v41", "v41"), "v41 to be started")
    stage.stanch("undo", run, "--reason", "the errors stay without it")
    view = stage.ended(run)
    assert [effect["undone"] for effect in view["ledger"]] == [True, True, True]
    assert (shop.link(), shop.runs("web1")) == ("v42", "v42")


def test_the_earlier_configuration_is_read_without_a_restart(stage: Stage, shop: Shop) -> None:
    pid = shop.managers.get("web1", "shop.service", "MainPID")
    inputs = {"path": shop.path, "unit": "shop.service", "probe": f"{shop.url}/health"}
    run = start(stage, "bad-config", hosts='["web1"]', **inputs)
    answer(stage, run, "approve")
    view = stage.ended(run)
    assert view["outcome"] == "succeeded", view["reason"]
    assert (shop.link(), shop.reads("web1"), shop.runs("web1")) == ("v41", "v41", "v42")
    assert shop.managers.get("web1", "shop.service", "MainPID") == pid
    again: Json = json.loads(stage.stanch("undo", run, "--reason", "it was mended", "--json"))
    answer(stage, again["run"], "approve")
    assert stage.ended(again["run"])["outcome"] == "succeeded"
    assert (shop.link(), shop.reads("web1")) == ("v42", "v42")


def test_a_denial_leaves_the_configuration_alone(stage: Stage, shop: Shop) -> None:
    inputs = {"path": shop.path, "unit": "shop.service", "probe": f"{shop.url}/health"}
    run = start(stage, "bad-config", hosts='["web1"]', **inputs)
    answer(stage, run, "deny")
    assert stage.ended(run)["outcome"] == "denied"
    assert (shop.link(), shop.reads("web1")) == ("v42", "v42")
