"""The instances of the service, the requests that they answer, and what they count."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric

from devtools.demo.release import RELEASES, fails

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request. `release` is `unknown` when the host's folder does not say."""

    host: str
    release: str
    failed: bool


class InstanceHealth(TypedDict):
    host: str
    release: str
    requests: int
    errors: int


class Health(TypedDict):
    """The last `window_seconds`; `error_rate` is between 0.0 and 1.0, and 0.0 without requests."""

    service: str
    window_seconds: float
    requests: int
    errors: int
    error_rate: float
    instances: list[InstanceHealth]


class _Handled(NamedTuple):
    at: float
    host: str
    failed: bool


class Fleet:
    """Takes requests in turn over its hosts. Safe to use from several threads.

    `release_of` reads the release of a host and is asked at every request, so that a switch on the
    host is a switch of the service; it may raise OSError or ValueError, and the request then fails.
    `clock` counts seconds and never goes back.
    """

    def __init__(
        self,
        service: str,
        hosts: Sequence[str],
        release_of: Callable[[str], str],
        window_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self.service = service
        self._hosts = tuple(hosts)
        self._release_of = release_of
        self._window_seconds = window_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = 0
        self._window: deque[_Handled] = deque()
        # Started apart, or the instances would fail together: with three of them on the bad release this
        # makes it every fifth request of the service, too.
        self._orders = {host: 2 * index + 1 for index, host in enumerate(self._hosts)}
        # Every series is there from the first scrape: a rate over one that appears later misses its start.
        self._requests = Counter({(host, release): 0 for host in self._hosts for release in RELEASES})
        self._errors = Counter(self._requests)
        self._registry = CollectorRegistry()
        self._registry.register(_Counts(service, self._counts))

    def handle(self) -> Answer:
        with self._lock:
            host = self._hosts[self._turn % len(self._hosts)]
            self._turn += 1
            order = self._orders[host]
            self._orders[host] += 1
            release = self._release(host)
            failed = release == _UNKNOWN or fails(release, order)
            self._requests[host, release] += 1
            self._errors[host, release] += failed
            self._window.append(_Handled(self._clock(), host, failed))
            self._forget()
        return Answer(host, release, failed)

    def health(self) -> Health:
        with self._lock:
            self._forget()
            requests = Counter(handled.host for handled in self._window)
            errors = Counter(handled.host for handled in self._window if handled.failed)
            releases = {host: self._release(host) for host in self._hosts}
        total, failed = requests.total(), errors.total()
        return {
            "service": self.service,
            "window_seconds": self._window_seconds,
            "requests": total,
            "errors": failed,
            "error_rate": failed / total if total else 0.0,
            "instances": [
                {"host": host, "release": releases[host], "requests": requests[host], "errors": errors[host]}
                for host in self._hosts
            ],
        }

    def metrics(self) -> bytes:
        """Everything counted since the start, in Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)

    def _release(self, host: str) -> str:
        try:
            return self._release_of(host)
        except (OSError, ValueError):
            return _UNKNOWN

    def _forget(self) -> None:
        oldest = self._clock() - self._window_seconds
        while self._window and self._window[0].at < oldest:
            self._window.popleft()

    def _counts(self) -> Iterator[tuple[str, str, int, int]]:
        with self._lock:
            requests, errors = dict(self._requests), dict(self._errors)
        for (host, release), count in requests.items():
            yield host, release, count, errors[host, release]


class _Counts:
    """The fleet's own numbers as Prometheus counters, so that they are counted in one place only."""

    _LABELS = ("service", "instance_host", "release")

    def __init__(self, service: str, counts: Callable[[], Iterable[tuple[str, str, int, int]]]) -> None:
        self._service = service
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("http_requests_total", "Requests handled.", labels=self._LABELS)
        errors = CounterMetricFamily("http_errors_total", "Requests answered with 500.", labels=self._LABELS)
        for host, release, count, failed in self._counts():
            labels = (self._service, host, release)
            requests.add_metric(labels, count)
            errors.add_metric(labels, failed)
        yield requests
        yield errors
