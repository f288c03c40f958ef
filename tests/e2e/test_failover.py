"""The shipped runbooks that lead users elsewhere: a real BIND, HAProxy, and Redis with its sentinels."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dns.message
import dns.query
import httpx
import pytest
import redis

from stanch.language.plan import Json
from tests.e2e.stage import Stage, start_stage
from tests.project.checkout import ROOT
from tests.support.haproxy import Balancer, start_haproxy
from tests.support.nameserver import KEY, KEY_NAME, Nameserver, start_nameserver
from tests.support.redis import PASSWORD, Redis, start_redis
from tests.support.sshd import unused_port
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

FIRST, SECOND, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
NAME = "www.example.test"


@dataclass(slots=True)
class Providers:
    """The same site at several addresses, all at one port; those in `broken` answer 503."""

    port: int
    broken: set[str] = field(default_factory=set)
    served: list[str] = field(default_factory=list)
    """Who has answered each request of a user, the newest last."""

    def servers(self) -> dict[str, str]:
        """The first one is the zone `a`, the others are `b`."""
        named = zip(("a-web1", "b-web1", "b-web2"), (FIRST, SECOND, THIRD), strict=True)
        return {name: f"{address}:{self.port}" for name, address in named}


@contextmanager
def start_providers() -> Iterator[Providers]:
    providers = Providers(unused_port())

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            own = str(self.connection.getsockname()[0])
            if self.path == "/":
                providers.served.append(own)
            self.send_response(503 if own in providers.broken else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ExitStack() as stack:
        for address in (FIRST, SECOND, THIRD):
            server = stack.enter_context(ThreadingHTTPServer((address, providers.port), Answering))
            server.daemon_threads, server.block_on_close = True, False
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            stack.callback(server.shutdown)
        yield providers


@dataclass(frozen=True, slots=True)
class Site:
    stage: Stage
    providers: Providers
    nameserver: Nameserver
    balancer: Balancer
    redis: Redis

    def addresses(self) -> list[str]:
        """What the zone's server says of the name."""
        asked = dns.message.make_query(NAME, "A")
        answer = dns.query.udp(asked, "127.0.0.1", port=self.nameserver.port, timeout=10)
        return sorted(item.to_text() for rrset in answer.answer for item in rrset)

    def serving(self) -> set[str]:
        """Who answers users through the load balancer: it asks its servers in turn."""
        self.providers.served.clear()
        for _ in range(6):
            httpx.get(self.balancer.url, timeout=10)
        return set(self.providers.served) - self.providers.broken

    def taken_back(self, run: str) -> Json:
        """The run that takes back what `run` has changed, approved and ended."""
        told = self.stage.stanch("undo", run, "--reason", "it was mended", "--json")
        back = str(json.loads(told)["run"])
        self.stage.answer(back, "approve")
        return self.stage.ended(back)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("stage")
    (folder / "redis").mkdir()
    with (
        start_providers() as providers,
        start_nameserver({"www": f"A {FIRST}"}) as nameserver,
        start_haproxy(folder, "web", providers.servers(), check="option httpchk GET /health") as balancer,
        start_redis(folder / "redis") as redis,
    ):
        systems: Json = {
            "dns": {
                "kind": "nameserver",
                "url": nameserver.url,
                "user": KEY_NAME,
                "password": KEY,
                "algorithm": "hmac-sha256",
            },
            "haproxy": {"kind": "haproxy", "url": balancer.socket},
            "redis": {"kind": "redis", "url": redis.url, "password": PASSWORD},
        }
        with start_stage(folder, runbooks=[str(ROOT / "runbooks")], systems=systems) as stage:
            yield Site(stage, providers, nameserver, balancer, redis)


@pytest.fixture
def site(started: Site) -> Site:
    started.providers.broken.clear()
    return started


# --- dns-failover -----------------------------------------------------------------------------------------


def lead_elsewhere(site: Site) -> str:
    url = f"http://{NAME}:{site.providers.port}/health"
    return site.stage.begin("dns-failover", url=url, names=[NAME], second=[SECOND])


def test_a_name_leads_to_the_second_provider_and_home_again(site: Site) -> None:
    site.providers.broken = {FIRST}
    run = lead_elsewhere(site)
    request = site.stage.answer(run, "approve")
    assert request["question"] == f"Lead {NAME} to {SECOND}; the last users follow in 300 s?"
    view = site.stage.ended(run)
    assert (view["outcome"], site.addresses()) == ("succeeded", [SECOND]), view["reason"]
    assert view["outputs"] == {"before": [FIRST], "after": SECOND, "old_answers_for": 300}
    site.providers.broken.clear()
    assert site.taken_back(run)["outcome"] == "succeeded"
    assert site.addresses() == [FIRST]


def test_a_name_stays_when_the_commander_says_no(site: Site) -> None:
    site.providers.broken = {FIRST}
    run = lead_elsewhere(site)
    site.stage.answer(run, "deny")
    assert site.stage.ended(run)["outcome"] == "denied"
    assert site.addresses() == [FIRST]


def test_a_name_is_not_led_to_a_provider_that_does_not_serve_it(site: Site) -> None:
    site.providers.broken = {FIRST, SECOND}
    view = site.stage.ended(lead_elsewhere(site))
    assert (view["outcome"], site.addresses()) == ("failed", [FIRST])


# --- zone-failover ----------------------------------------------------------------------------------------


def leave_the_zone(site: Site) -> str:
    until(lambda: site.serving() == {FIRST, SECOND, THIRD}, "all servers to be up")
    return site.stage.begin("zone-failover", zone="a", backend="web", url=site.balancer.url)


def test_users_are_served_without_the_zone_and_with_it_again(site: Site) -> None:
    run = leave_the_zone(site)
    request = site.stage.answer(run, "approve")
    assert "which have 200 of a weight of 300" in request["question"]
    view = site.stage.ended(run)
    assert (view["outcome"], view["outputs"]["left"]) == ("succeeded", ["a-web1"]), view["reason"]
    assert site.serving() == {SECOND, THIRD}
    assert site.taken_back(run)["outcome"] == "succeeded"
    assert site.serving() == {FIRST, SECOND, THIRD}


def test_the_zone_comes_back_when_the_others_break_down(site: Site) -> None:
    run = leave_the_zone(site)
    request = site.stage.asked(run)
    site.providers.broken = {THIRD}
    site.stage.stanch("approve", run, "--digest", request["digest"], "--reason", "the room is hot")
    failed = site.stage.answer(run, "decide", "undo")
    assert failed["kind"] == "failure"
    view = site.stage.ended(run)
    assert (view["outcome"], {effect["undone"] for effect in view["ledger"]}) == ("failed", {True})
    site.providers.broken.clear()
    until(lambda: site.serving() == {FIRST, SECOND, THIRD}, "all servers to be up again")


# --- cache-failover ---------------------------------------------------------------------------------------


def sentinels_wait(site: Site, seconds: int) -> None:
    """For how long a master may be silent before they replace it by themselves."""
    for port in site.redis.watchers:
        with redis.Redis("127.0.0.1", port, socket_timeout=5) as sentinel:
            sentinel.execute_command("SENTINEL SET", "main", "down-after-milliseconds", seconds * 1000)


def test_a_replica_takes_over_from_a_master_that_is_gone(site: Site) -> None:
    until(site.redis.settled, "Redis to be calm")
    old = site.redis.master()
    sentinels_wait(site, 600)
    try:
        site.redis.nodes[old].kill()
        site.redis.nodes[old].wait()
        run = site.stage.begin("cache-failover")
        site.stage.answer(run, "approve")
        view = site.stage.ended(run)
        assert (view["outcome"], view["outputs"]["before"]) == ("succeeded", f"127.0.0.1:{old}"), view[
            "reason"
        ]
        new = site.redis.master()
        assert view["outputs"]["after"] == f"127.0.0.1:{new}" != f"127.0.0.1:{old}"
        assert site.redis.node(new).set("written", "yes")
        assert any("does not answer" in found["text"] for found in view["findings"])
    finally:
        sentinels_wait(site, 1)
        site.redis.restart(old)


def test_a_master_that_takes_writes_is_left_for_nobody_without_a_yes(site: Site) -> None:
    until(site.redis.settled, "Redis to be calm")
    old = site.redis.master()
    view = site.stage.ended(site.stage.begin("cache-failover"))
    assert (view["outcome"], view["ledger"]) == ("refused", [])
    assert "takes writes; there is nothing to fail over" in view["reason"]
    run = site.stage.begin("cache-failover", leave=True)
    site.stage.answer(run, "deny")
    assert site.stage.ended(run)["outcome"] == "denied"
    assert site.redis.master() == old
