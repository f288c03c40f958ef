"""`POST /alerts/{source}`: one delivery in, its runs out, once Temporal has them."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections import Counter

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stanch.errors import EngineUnavailable
from stanch.gateway.access import require_sender
from stanch.gateway.alerts import SOURCES
from stanch.gateway.alerts.alert import MalformedDelivery
from stanch.gateway.answers import RETRY_AFTER
from stanch.gateway.body import read_body
from stanch.gateway.dispatch import Dispatcher, Receipt
from stanch.gateway.metrics import Metrics
from stanch.language.plan import Json

log = logging.getLogger("stanch.gateway")

_SHOWN_PROBLEMS = 5
_LONGEST_REASON = 300


class Deliveries:
    """The endpoint; what it says of a delivery goes to the sender, the log (one line) and the metrics."""

    def __init__(self, dispatcher: Dispatcher, metrics: Metrics, *, token: str, max_body: int) -> None:
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._token = token
        self._max_body = max_body

    async def receive(self, request: Request) -> Response:
        began = time.monotonic()
        source = request.path_params["source"]
        known = source if source in SOURCES else "unknown"
        told: dict[str, Json] = {}
        status = 500
        try:
            receipt = await self._deliver(request, source)
            status, told = 202, _counts(receipt)
            self._count(source, receipt)
            return JSONResponse(_answer(receipt), status)
        except MalformedDelivery as error:
            status, told = 400, {"malformed": error.place}
            raise HTTPException(400, f"not a delivery of {source}: {error}") from error
        except EngineUnavailable as error:
            status, told = 503, {"error": str(error)}
            raise HTTPException(503, str(error), RETRY_AFTER) from error
        except HTTPException as error:
            status, told = error.status_code, {"error": error.detail}
            raise
        finally:
            self._metrics.deliveries.labels(known, str(status)).inc()
            line = {"event": "delivery", "source": known, "status": status, **told}
            line["ms"] = round((time.monotonic() - began) * 1000)
            log.log(logging.INFO if status == 202 else logging.WARNING, "%s", json.dumps(line))

    async def _deliver(self, request: Request, source: str) -> Receipt:
        require_sender(request, self._token)
        parse = SOURCES.get(source)
        if parse is None:
            known = ", ".join(SOURCES)
            raise HTTPException(404, f"there is no alert source `{source[:64]}`; known are: {known}")
        # The type that the sender declares is not looked at: what is JSON is read.
        return await self._dispatcher.deliver(parse(await read_body(request, self._max_body)))

    def _count(self, source: str, receipt: Receipt) -> None:
        outcomes = Counter[str](touched.state for touched in receipt.runs)
        outcomes.update(ignored=receipt.ignored, resolved=receipt.resolved, problem=len(receipt.problems))
        for outcome, count in outcomes.items():
            self._metrics.alerts.labels(source, outcome).inc(count)


def _answer(receipt: Receipt) -> Json:
    return dataclasses.asdict(receipt)


def _counts(receipt: Receipt) -> dict[str, Json]:
    """The delivery for the log: reasons are cut, because they may quote what the alert says."""
    told: dict[str, Json] = dict(Counter(touched.state for touched in receipt.runs))
    told |= {"runs": [touched.run for touched in receipt.runs][:20]}
    told |= {"ignored": receipt.ignored, "resolved": receipt.resolved}
    if receipt.problems:
        told["problems"] = [
            {"runbook": problem.runbook, "reason": problem.reason[:_LONGEST_REASON]}
            for problem in receipt.problems[:_SHOWN_PROBLEMS]
        ]
    return told
