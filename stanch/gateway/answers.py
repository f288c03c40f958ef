"""How errors leave the gateway: one JSON object with one sentence, and the status that its family has."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stanch.errors import EngineUnavailable, IllegalDecision, InvalidInput, StanchError

RETRY_AFTER: Mapping[str, str] = {"Retry-After": "5"}
_STATUS: Mapping[type[StanchError], int] = {InvalidInput: 400, IllegalDecision: 409, EngineUnavailable: 503}


async def refused(_request: Request, error: Exception) -> Response:
    """For HTTPException, Starlette's own (404, 405) too."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def failed(_request: Request, error: Exception) -> Response:
    """For the errors of `stanch.errors`."""
    status = next((_STATUS[family] for family in type(error).__mro__ if family in _STATUS), 500)
    return JSONResponse({"error": str(error)}, status, RETRY_AFTER if status == 503 else None)


async def broken(_request: Request, _error: Exception) -> Response:
    """For a bug: the traceback is in the log, and the sender learns nothing from it."""
    return JSONResponse({"error": "a bug in the gateway; its log has the details"}, 500)
