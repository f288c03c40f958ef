"""The shipped runbook `kill-switch`, from `stanch run` to a service that gives the feature to nobody.

Temporal, worker, gateway and Prometheus are the real ones; the service keeps its flags in a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
from tests.support.prometheus import start_prometheus
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

FLAG = "new-checkout"
BEFORE: Json = {FLAG: {"on": True, "percentage": 30, "owner": "checkout"}, "other": True}


@dataclass(slots=True)
class Shop:
    """It reads its flags from `flags`. A third of its requests fail with the feature, or always."""

    flags: Path
    fails_anyway: bool = False
    requests: int = 0
    errors: int = 0

    def held(self) -> Json:
        return json.loads(self.flags.read_text())

    async def metrics(self, _: Request) -> Response:
        """Each scrape finds 30 requests more."""
        self.requests += 30
        if self.held()[FLAG]["on"] or self.fails_anyway:
            self.errors += 10
        lines = (
            f'http_{name}_total{{service="shop"}} {value}'
            for name, value in (("requests", self.requests), ("errors", self.errors))
        )
        return PlainTextResponse("\n".join([*lines, ""]))


@contextmanager
def shop_on(stage: Stage) -> Iterator[Shop]:
    """The worker with the shipped runbooks and the shop's flags, and Prometheus that has seen errors."""
    shop = Shop(stage.folder / "flags.json")
    shop.flags.write_text(json.dumps(BEFORE))
    config = yaml.safe_load(stage.worker.config.read_text())
    config["runbooks"] = [str(ROOT / "runbooks")]
    config["systems"] = {"flags": {"kind": "flag_file", "file": str(shop.flags)}}
    stage.worker.config.write_text(yaml.safe_dump(config))
    stage.worker.stop()
    stage.worker.start()
    with (
        served(Starlette(routes=[Route("/metrics", shop.metrics)])) as url,
        start_prometheus(
            stage.folder / "prometheus", url=stage.prometheus_url, target=url, rules=[], alertmanager=url
        ) as prometheus,
    ):
        rate = 'rate(http_errors_total{service="shop"}[5s])'
        until(lambda: prometheus.value(rate), "Prometheus to see errors")
        yield shop


def start(stage: Stage) -> str:
    inputs = {"flag": FLAG, "service": "shop", "window": "5s"}
    given = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return str(json.loads(stage.stanch("run", "kill-switch", *given, "--json", by="bob"))["run"])


def answer(stage: Stage, run: str, *words: str) -> Json:
    """The request that is open, which is answered with these words."""
    request = stage.asked(run)
    verb, *more = words
    stage.stanch(verb, run, *more, "--digest", request["digest"], "--reason", "it is the new checkout")
    return request


def test_the_feature_is_switched_off_and_the_errors_end(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage, shop_on(stage) as shop:
        run = start(stage)
        request = answer(stage, run, "approve")
        (change,) = request["changes"]
        assert (request["question"], change["command"]) == (
            f"Switch {FLAG} off?",
            f"flag {FLAG}: off",
        )
        assert "seen.share = 30" in request["evidence"]
        view = stage.ended(run)
        assert view["outcome"] == "succeeded"
        assert view["outputs"]["had"] == 30
        assert shop.held() == {**BEFORE, FLAG: {**BEFORE[FLAG], "on": False}}
        again: Json = json.loads(stage.stanch("undo", run, "--reason", "it was mended", "--json"))
        answer(stage, again["run"], "approve")
        assert stage.ended(again["run"])["outcome"] == "succeeded"
        assert shop.held() == BEFORE


def test_a_denial_leaves_the_flag_alone(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage, shop_on(stage) as shop:
        before = shop.flags.stat()
        run = start(stage)
        answer(stage, run, "deny")
        assert stage.ended(run)["outcome"] == "denied"
        assert shop.flags.stat() == before


def test_a_feature_that_is_innocent_comes_back(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage, shop_on(stage) as shop:
        shop.fails_anyway = True
        run = start(stage)
        answer(stage, run, "approve")
        until(lambda: not shop.held()[FLAG]["on"], "the flag to be off")
        stage.stanch("undo", run, "--reason", "the errors stay without it")
        view = stage.ended(run)
        assert [effect["undone"] for effect in view["ledger"]] == [True]
        assert shop.held() == BEFORE


def test_what_a_killed_worker_was_about_to_switch_is_switched_once(tmp_path: Path) -> None:
    with start_stage(tmp_path) as stage, shop_on(stage) as shop:
        run = start(stage)
        answer(stage, run, "approve")
        stage.worker.kill()
        stage.worker.start()

        def ended_or_asks() -> Json:
            view = stage.view(run)
            return view if view["outcome"] or view["requests"] else None

        view = until(ended_or_asks, f"`{run}` to end, or to ask", within=120, every=0.3)
        if view["requests"]:
            # Killed between the record that it acts and the write: it is seen that nothing was switched, and
            # whether to try again is a person's to say.
            assert shop.held()[FLAG] == BEFORE[FLAG]
            answer(stage, run, "retry")
        assert stage.ended(run)["outcome"] == "succeeded"
        assert shop.held()[FLAG] == {**BEFORE[FLAG], "on": False}
        (effect,) = stage.view(run)["ledger"]
        assert effect["undo"]["params"]["restore"] == {"value": BEFORE[FLAG]}
