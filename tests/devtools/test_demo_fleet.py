"""The service: who fails, what the window shows, what Prometheus reads."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from devtools.demo.fleet import Fleet
from devtools.demo.release import BAD, GOOD

HOSTS = ("web1", "web2", "web3")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def releases() -> dict[str, str]:
    return dict.fromkeys(HOSTS, BAD)


@pytest.fixture
def fleet(releases: dict[str, str], clock: Clock) -> Fleet:
    return Fleet("checkout", HOSTS, releases.__getitem__, 5.0, clock)


def handle(fleet: Fleet, count: int) -> list[bool]:
    return [fleet.handle().failed for _ in range(count)]


def test_the_hosts_take_turns(fleet: Fleet) -> None:
    assert [fleet.handle().host for _ in range(6)] == [*HOSTS, *HOSTS]


def test_the_bad_release_fails_one_of_any_five_requests(fleet: Fleet) -> None:
    failed = handle(fleet, 150)
    assert {sum(failed[start : start + 5]) for start in range(146)} == {1}


def test_each_instance_fails_every_fifth_of_its_requests(fleet: Fleet) -> None:
    handle(fleet, 150)
    health = fleet.health()
    assert [(one["requests"], one["errors"]) for one in health["instances"]] == [(50, 10)] * 3


def test_the_good_release_fails_nothing(fleet: Fleet, releases: dict[str, str]) -> None:
    releases.update(dict.fromkeys(HOSTS, GOOD))
    assert not any(handle(fleet, 150))


def test_a_switch_counts_from_the_next_request_on(fleet: Fleet, releases: dict[str, str]) -> None:
    assert sum(handle(fleet, 15)) == 3
    releases["web1"] = GOOD
    assert sum(handle(fleet, 15)) == 2


def test_a_host_that_does_not_say_what_runs_there_fails(clock: Clock) -> None:
    def unreadable(host: str) -> str:
        raise FileNotFoundError(host)

    fleet = Fleet("checkout", HOSTS, unreadable, 5.0, clock)
    assert all(handle(fleet, 3))
    assert fleet.health()["instances"][0]["release"] == "unknown"


def test_without_requests_the_error_rate_is_zero_and_a_float(fleet: Fleet) -> None:
    assert fleet.health() == {
        "service": "checkout",
        "window_seconds": 5.0,
        "requests": 0,
        "errors": 0,
        "error_rate": 0.0,
        "instances": [{"host": host, "release": BAD, "requests": 0, "errors": 0} for host in HOSTS],
    }
    assert isinstance(fleet.health()["error_rate"], float)


def test_the_window_forgets_what_is_older_than_its_length(fleet: Fleet, clock: Clock) -> None:
    handle(fleet, 15)
    clock.now += 3
    handle(fleet, 30)
    assert fleet.health()["requests"] == 45
    clock.now += 3
    assert (fleet.health()["requests"], fleet.health()["errors"]) == (30, 6)
    clock.now += 3
    assert fleet.health()["requests"] == 0


def samples(fleet: Fleet, name: str) -> dict[tuple[str, str, str], float]:
    return {
        (sample.labels["service"], sample.labels["instance_host"], sample.labels["release"]): sample.value
        for family in text_string_to_metric_families(fleet.metrics().decode())
        for sample in family.samples
        if sample.name == name
    }


def test_every_series_is_there_before_the_first_request(fleet: Fleet) -> None:
    everything = {("checkout", host, release): 0.0 for host in HOSTS for release in (GOOD, BAD)}
    assert samples(fleet, "http_requests_total") == everything
    assert samples(fleet, "http_errors_total") == everything


def test_the_counters_never_go_back_when_the_window_does(fleet: Fleet, clock: Clock) -> None:
    handle(fleet, 15)
    clock.now += 60
    assert fleet.health()["requests"] == 0
    assert samples(fleet, "http_requests_total")["checkout", "web1", BAD] == 5
    assert samples(fleet, "http_errors_total")["checkout", "web1", BAD] == 1
    assert samples(fleet, "http_errors_total")["checkout", "web1", GOOD] == 0
