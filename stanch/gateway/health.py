"""`/healthz`: the process answers. `/readyz`: it could take an alert now. `/metrics`: for Prometheus."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stanch.errors import EngineUnavailable
from stanch.gateway.engine import Engine
from stanch.gateway.metrics import CONTENT_TYPE_LATEST, Metrics
from stanch.shelf import Shelf


class Health:
    def __init__(self, engine: Engine, shelf: Shelf, metrics: Metrics) -> None:
        self._engine = engine
        self._shelf = shelf
        self._metrics = metrics

    async def alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> Response:
        await self._shelf.refresh()
        library = self._shelf.library
        reasons = [f"`{path}` does not compile; see `stanch check`" for path in library.broken]
        reasons += [self._shelf.trouble] if self._shelf.trouble else []
        try:
            await self._engine.check()
        except EngineUnavailable as error:
            reasons.append(str(error))
        if reasons:
            return JSONResponse({"status": "not ready", "reasons": reasons}, 503)
        counts = {"runbooks": len(library.plans), "triggers": len(library.triggers)}
        return JSONResponse({"status": "ready", **counts})

    async def metrics(self, _request: Request) -> Response:
        return Response(self._metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
