"""A shop as Prometheus sees it: what it gets, what it calls, how full it is, and what waits in its queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stanch.language.plan import Json
from tests.activities.served import served
from tests.support.kubernetes import Cluster

SERVICE = "checkout"
FLAG = "accept-low-priority"
QUEUE, CONSUMER = "invoices", "invoice-worker"
BUCKETS = (0.1, 0.5, 1.0, 5.0)
PER_SCRAPE = 30
"""Requests between two scrapes, each of which makes one call to the bank."""


@dataclass(slots=True)
class Shop:
    """What happens between two scrapes happens during the second one, so nothing here has a clock."""

    flags: Path
    cluster: Cluster
    bank: str = ""
    """Where it calls the bank, by way of the load balancer; the bank itself answers at `/bank`."""
    seconds: float = 0.05
    """How long each request takes."""
    waits: float = 0.01
    """How much of that it waits for the bank."""
    bank_fails: bool = False
    busy: bool = False
    """So many users come that it is full unless it turns some of them away."""
    waiting: float = 0.0
    """Messages in its queue; each consumer beyond the second one does 100 of them between two scrapes."""
    counted: dict[str, float] = field(default_factory=dict)

    def flag(self) -> Json:
        return json.loads(self.flags.read_text())[FLAG]

    def calm(self) -> None:
        """As it is on a good day."""
        self.flags.write_text(json.dumps({FLAG: {"on": True, "percentage": 100, "owner": "reports"}}))
        self.seconds, self.waits, self.bank_fails, self.busy, self.waiting = 0.05, 0.01, False, False, 0.0

    def load(self) -> float:
        """All traffic that can wait is two thirds of it."""
        flag = self.flag()
        return (1.0 if self.busy else 0.3) * (0.35 + 0.65 * (flag["percentage"] / 100 if flag["on"] else 0))

    def consumers(self) -> int:
        return int(self.cluster.there("deployments", CONSUMER)["spec"]["replicas"])

    # --- what it serves -----------------------------------------------------------------------------------

    async def answer_as_bank(self, _: Request) -> Response:
        return PlainTextResponse("", 500 if self.bank_fails else 200)

    async def metrics(self, _: Request) -> Response:
        failed = await self._call()
        own = f'service="{SERVICE}"'
        called = f'{own},peer="bank"'
        self._count(f'http_requests_total{{{own},path="/pay"}}', PER_SCRAPE)
        self._count(f'http_errors_total{{{own},path="/pay"}}', PER_SCRAPE if failed else 0)
        self._count(f"http_client_requests_total{{{called}}}", PER_SCRAPE)
        self._count(f"http_client_errors_total{{{called}}}", PER_SCRAPE if failed else 0)
        self._count(f"http_client_request_duration_seconds_sum{{{called}}}", PER_SCRAPE * self.waits)
        name = "http_request_duration_seconds"
        for bound in BUCKETS:
            within = PER_SCRAPE if self.seconds <= bound else 0
            self._count(f'{name}_bucket{{{own},le="{bound}"}}', within)
        self._count(f'{name}_bucket{{{own},le="+Inf"}}', PER_SCRAPE)
        self._count(f"{name}_count{{{own}}}", PER_SCRAPE)
        self._count(f"{name}_sum{{{own}}}", PER_SCRAPE * self.seconds)
        return PlainTextResponse(self._text(own))

    async def _call(self) -> bool:
        """Whether its users notice: a refusal at once they do not, as it goes on without the bank."""
        if not self.bank:
            return False
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{self.bank}bank", timeout=2)).status_code == 500

    def _count(self, series: str, more: float) -> None:
        self.counted[series] = self.counted.get(series, 0.0) + more

    def _text(self, own: str) -> str:
        queue = f'queue="{QUEUE}"'
        extra = self.consumers() - 2
        self.waiting = max(0.0, self.waiting - 100 * extra) if extra > 0 else self.waiting
        gauges = {
            f"service:saturation:ratio{{{own}}}": self.load(),
            f"queue_messages{{{queue}}}": self.waiting,
            f"queue_oldest_message_seconds{{{queue}}}": self.waiting / 2,
            f"queue_messages_done_total{{{queue}}}": 0.0,
        }
        lines = [f"{series} {value}" for series, value in {**self.counted, **gauges}.items()]
        return "\n".join([*lines, ""])


@contextmanager
def open_shop(folder: Path, cluster: Cluster) -> Iterator[tuple[Shop, str]]:
    """The shop, on a good day, and its base URL."""
    shop = Shop(folder / "flags.json", cluster)
    shop.calm()
    routes = [Route("/metrics", shop.metrics), Route("/bank", shop.answer_as_bank)]
    with served(Starlette(routes=routes)) as url:
        yield shop, url
