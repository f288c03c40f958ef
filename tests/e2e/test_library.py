"""The shipped runbooks about load, dependencies, queues and certificates, and those that only look.

One stage for all of them: Temporal, worker, gateway, Prometheus, HAProxy, sshd and a TLS server are real; the
cluster is the stand-in that is there for one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stanch.language.plan import Json
from tests.e2e.secure import start_secure
from tests.e2e.shop import CONSUMER, QUEUE, SERVICE, Shop, open_shop
from tests.e2e.stage import Stage, start_stage
from tests.project.checkout import ROOT
from tests.support.haproxy import Balancer, start_haproxy
from tests.support.kubernetes import Cluster, start_cluster
from tests.support.prometheus import Prometheus, start_prometheus
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

BUCKETS = f'http_request_duration_seconds_bucket{{service="{SERVICE}"}}'
LATE = f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[3s])))"
MEDIAN = LATE.replace("0.95", "0.5")
FAILING = f'sum(rate(http_errors_total{{service="{SERVICE}"}}[3s]))'


@dataclass(frozen=True, slots=True)
class Site:
    stage: Stage
    shop: Shop
    bank: str
    balancer: Balancer
    cluster: Cluster
    prometheus: Prometheus

    def findings(self, run: str) -> dict[str, str]:
        """What was found, by its words, once the run has ended well."""
        view = self.stage.ended(run)
        assert view["outcome"] == "succeeded", view["reason"]
        return {found["text"]: found["verdict"] for found in view["findings"]}

    def gives(self, query: str, least: float, most: float) -> None:
        """Wait until Prometheus does."""

        def ask() -> bool:
            value = self.prometheus.value(query)
            return value is not None and least <= value <= most

        until(ask, f"{query} to be between {least} and {most}")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("stage")
    with (
        start_cluster() as cluster,
        open_shop(folder, cluster) as (shop, url),
        start_haproxy(folder, "bank", {"bank1": url.removeprefix("http://")}) as balancer,
    ):
        cluster.deployment(CONSUMER, replicas=2)
        shop.bank = balancer.url
        systems: Json = {
            "flags": {"kind": "flag_file", "file": str(shop.flags)},
            "haproxy": {"kind": "haproxy", "url": balancer.socket},
            "prod": {"kind": "kubernetes", "url": cluster.url},
        }
        with (
            start_stage(folder, runbooks=[str(ROOT / "runbooks")], systems=systems) as stage,
            start_prometheus(
                folder / "prometheus", url=stage.prometheus_url, target=url, rules=[], alertmanager=url
            ) as prometheus,
        ):
            yield Site(stage, shop, f"{url}/bank", balancer, cluster, prometheus)


@pytest.fixture
def site(started: Site) -> Site:
    """The shop on a good day, and Prometheus knows it."""
    started.shop.calm()
    started.gives(LATE, 0.0, 0.5)
    started.gives(FAILING, 0.0, 0.0)
    return started


# --- latency-triage and error-rate ------------------------------------------------------------------------


def test_a_service_that_is_slow_is_found_to_wait_for_another(site: Site) -> None:
    inputs = {"service": SERVICE, "window": "3s", "lookback": "5m:1s"}
    found = site.findings(site.stage.begin("latency-triage", **inputs))
    assert list(found.values()) == ["cleared"]
    site.shop.seconds, site.shop.waits = 3.0, 2.7
    site.gives(MEDIAN, 1.0, 5.0)
    run = site.stage.begin("latency-triage", **inputs)
    found = site.findings(run)
    assert any(text.startswith("All requests are slow") for text in found)
    assert any(text.startswith("It has been slow for") for text in found)
    (waits,) = (text for text in found if text.endswith("of its time it waits for bank."))
    assert found[waits] == "suspect"
    suggested = [each["suggest"] for each in site.stage.view(run)["findings"] if each["text"] == waits]
    assert [each["runbook"] for each in suggested] == ["dependency-isolation"]


def test_errors_are_traced_to_a_release_and_to_whom_the_service_calls(site: Site) -> None:
    hosts = ["web1", "web2"]
    inputs = {"service": SERVICE, "hosts": hosts, "window": "3s", "lookback": "5m:1s"}
    found = site.findings(site.stage.begin("error-rate", **inputs))
    assert list(found.values()) == ["cleared"]
    site.stage.hosts.by_hand("web1", "rollback", SERVICE)
    site.shop.bank_fails = True
    site.gives(FAILING, 1.0, 1000.0)
    found = site.findings(site.stage.begin("error-rate", **inputs))
    assert found["100 % of them are in /pay. Does a flag belong to it? Think of the runbook `kill-switch`."]
    assert any(text.endswith("of its calls to bank fail.") for text in found)
    assert any(text.startswith("Its hosts have different releases: web1: ") for text in found)


# --- dependency-isolation ---------------------------------------------------------------------------------


def isolate(site: Site) -> str:
    site.shop.bank_fails = True
    site.gives(FAILING, 1.0, 1000.0)
    inputs = {"service": SERVICE, "dependency": "bank", "backend": "bank", "window": "3s", "probe": site.bank}
    return site.stage.begin("dependency-isolation", **inputs)


def test_callers_recover_without_their_dependency_and_get_it_back_when_it_answers(site: Site) -> None:
    run = isolate(site)
    request = site.stage.answer(run, "approve")
    assert request["question"] == "Cut bank off from its callers?"
    view = site.stage.ended(run)
    assert (view["outcome"], view["outputs"]["cut_off"]) == ("succeeded", ["bank1"])
    assert site.balancer.status() == {"bank1": "MAINT"}
    site.gives(FAILING, 0.0, 0.0)
    site.shop.bank_fails = False
    assert site.stage.ended(f"{run}/return-1")["outcome"] == "succeeded"
    assert site.balancer.status() == {"bank1": "no check"}


def test_a_dependency_stays_where_the_commander_says_no(site: Site) -> None:
    run = isolate(site)
    site.stage.answer(run, "deny")
    assert site.stage.ended(run)["outcome"] == "denied"
    assert site.balancer.status() == {"bank1": "no check"}


# --- load-shedding ----------------------------------------------------------------------------------------


def shed(site: Site, calm: float) -> str:
    site.shop.busy = True
    site.gives(f'min_over_time(service:saturation:ratio{{service="{SERVICE}"}}[3s])', 0.9, 1.0)
    inputs = {"service": SERVICE, "ramp": [50, 10], "calm": calm, "settle": "3s"}
    return site.stage.begin("load-shedding", **inputs)


def test_as_much_is_turned_away_as_is_needed_until_the_load_falls(site: Site) -> None:
    before = site.shop.flag()
    run = shed(site, calm=0.5)
    site.stage.answer(run, "approve")
    until(lambda: site.shop.flag()["percentage"] == 50, "half of it to be turned away")

    def is_enough() -> bool:
        steps = {step["path"]: step["phase"] for step in site.stage.view(run)["steps"]}
        return steps.get("now") == "succeeded"

    until(is_enough, "the service to be below its limit")
    assert site.shop.flag()["percentage"] == 50
    site.shop.busy = False
    view = site.stage.ended(run)
    assert (view["outcome"], view["outputs"]["least"]) == ("succeeded", 50)
    assert site.shop.flag() == before


def test_what_was_turned_away_is_let_in_as_soon_as_the_commander_wants_it(site: Site) -> None:
    before = site.shop.flags.read_text()
    run = shed(site, calm=0.01)
    site.stage.answer(run, "approve")
    until(lambda: site.shop.flag()["percentage"] == 50, "half of it to be turned away")
    site.stage.stanch("undo", run, "--reason", "the sale is over")
    view = site.stage.ended(run)
    assert {effect["undone"] for effect in view["ledger"]} == {True}
    assert json.loads(site.shop.flags.read_text()) == json.loads(before)


# --- queue-backlog ----------------------------------------------------------------------------------------


def drain(site: Site) -> str:
    site.shop.waiting = 3000.0
    site.gives(f'queue_messages{{queue="{QUEUE}"}}', 3000.0, 3000.0)
    inputs = {"queue": QUEUE, "consumer": CONSUMER, "namespace": "shop", "oldest": 100, "window": "3s"}
    return site.stage.begin("queue-backlog", **inputs)


def test_more_consumers_drain_a_queue_and_go_when_it_is_empty(site: Site) -> None:
    run = drain(site)
    site.stage.answer(run, "approve")
    until(lambda: site.shop.consumers() == 6, "more consumers")
    view = site.stage.ended(run)
    assert (view["outcome"], view["outputs"]["messages"]) == ("succeeded", 3000)
    assert [effect["undone"] for effect in view["ledger"]] == [True]
    assert site.shop.consumers() == 2


def test_consumers_stay_as_many_as_they_are_where_the_commander_says_no(site: Site) -> None:
    changes = len(site.cluster.changes())
    run = drain(site)
    site.stage.answer(run, "deny")
    assert site.stage.ended(run)["outcome"] == "denied"
    assert len(site.cluster.changes()) == changes


# --- certificate-expiry -----------------------------------------------------------------------------------


def test_a_renewed_certificate_is_loaded_and_the_earlier_one_can_come_back(site: Site) -> None:
    with start_secure(site.stage.hosts.gate / "tls") as secure:
        old, new = secure.issue("server", days=5), secure.issue("new", days=90)
        secure.load()
        servers = [{"host": "web1", "address": f"127.0.0.1:{secure.port}"}]
        run = site.stage.begin("certificate-expiry", servers=servers, **secure.inputs)
        site.stage.answer(run, "approve")
        assert "A renewed one waits to be loaded on web1." in site.findings(run)
        assert secure.shown() == new
        again = site.stage.begin("certificate-expiry", servers=servers, **secure.inputs)
        assert list(site.findings(again).values()) == ["cleared"]
        told = site.stage.stanch("undo", run, "--reason", "old clients do not know its issuer", "--json")
        back = str(json.loads(told)["run"])
        site.stage.answer(back, "approve")
        assert site.stage.ended(back)["outcome"] == "succeeded"
        assert secure.shown() == old
