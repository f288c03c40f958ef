"""What Prometheus may ask of the gateway: names and label values that no sender can make more of."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]


class Metrics:
    """The gateway's own registry, so that two gateways in one process do not share their numbers."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.deliveries = Counter(
            "stanch_gateway_deliveries",
            "Requests to /alerts/<source> by what was answered.",
            ["source", "code"],
            registry=registry,
        )
        self.alerts = Counter(
            "stanch_gateway_alerts",
            "Alerts of accepted deliveries: ignored and resolved count for each alert, started, running, "
            "already_handled and problem for each runbook that it fits.",
            ["source", "outcome"],
            registry=registry,
        )
        self.runs = Counter(
            "stanch_gateway_runs_started", "Runs that the gateway started.", ["runbook"], registry=registry
        )
        self.temporal = Histogram(
            "stanch_gateway_temporal_seconds",
            "Duration of calls to Temporal, also of those that failed.",
            ["call"],
            registry=registry,
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
        )

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format (`CONTENT_TYPE_LATEST`)."""
        return generate_latest(self._registry)
