"""`/api/v1/runs...`: what the command line does, as JSON, for programs on this machine.

People are not authenticated here yet, so nobody else is let in, and what a decision says of its author is
taken as it is said.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stanch.client import runs
from stanch.client.start import Start
from stanch.contract import Abort, Decision, Severity
from stanch.errors import InvalidInput
from stanch.gateway.access import require_here
from stanch.gateway.alerts.document import read
from stanch.gateway.body import read_body
from stanch.gateway.engine import Engine
from stanch.language.inputs import check_inputs
from stanch.language.plan import Json
from stanch.library import Library

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _D = TypeVar("_D", bound=DataclassInstance)

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_MOST_RUNS = 500


@dataclass(frozen=True, slots=True)
class RunWanted:
    """Body of `POST /api/v1/runs`. The same `key` again, while the run is open, is the same run."""

    runbook: str
    by: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    severity: Severity = "SEV3"
    key: str = ""


class Api:
    def __init__(self, engine: Engine, library: Library, *, max_body: int) -> None:
        self._engine = engine
        self._library = library
        self._max_body = max_body

    def routes(self) -> list[Route]:
        """The longer paths come first: a run's name has slashes of its own."""
        return [
            Route("/api/v1/runs", _here(self.index), methods=["GET"]),
            Route("/api/v1/runs", _here(self.start), methods=["POST"]),
            Route("/api/v1/runs/{run:path}/decisions", _here(self.decide), methods=["POST"]),
            Route("/api/v1/runs/{run:path}/abort", _here(self.abort), methods=["POST"]),
            Route("/api/v1/runs/{run:path}", _here(self.show), methods=["GET"]),
        ]

    async def index(self, request: Request) -> Response:
        opened = request.query_params.get("open", "false")
        limit = request.query_params.get("limit", "50")
        if opened not in ("true", "false"):
            raise InvalidInput("open: expected `true` or `false`")
        if not re.fullmatch(r"[0-9]{1,3}", limit) or not 0 < int(limit) <= _MOST_RUNS:
            raise InvalidInput(f"limit: expected a number from 1 to {_MOST_RUNS}")
        async with self._engine.call("list") as client:
            lines = await runs.list_runs(client, open_only=opened == "true", limit=int(limit))
        return JSONResponse({"runs": [dataclasses.asdict(line) for line in lines]})

    async def start(self, request: Request) -> Response:
        wanted = _typed(RunWanted, await read_body(request, self._max_body))
        plan = self._library.plans.get(wanted.runbook)
        if plan is None:
            raise HTTPException(404, f"there is no runbook `{wanted.runbook[:64]}`")
        if wanted.key and not _KEY.fullmatch(wanted.key):
            raise InvalidInput("key: expected at most 64 letters, digits and `.:_-`")
        start = Start(
            plan=plan,
            key=wanted.key or secrets.token_hex(4),
            inputs=check_inputs(plan, wanted.inputs),
            started_by=wanted.by,
            severity=wanted.severity,
        )
        return JSONResponse(dataclasses.asdict(await self._engine.start(start)), 201)

    async def show(self, request: Request) -> Response:
        run = await self._resolve(request)
        async with self._engine.call("view", whom="a worker (is one running?)") as client:
            seen = await runs.view(client.get_workflow_handle(run))
        return JSONResponse(dataclasses.asdict(seen))

    async def decide(self, request: Request) -> Response:
        decision = _typed(Decision, await read_body(request, self._max_body))
        run = await self._resolve(request)
        async with self._engine.call("decide", whom="a worker (is one running?)") as client:
            accepted = await runs.decide(client.get_workflow_handle(run), replace(decision, via="api"))
        return JSONResponse(dataclasses.asdict(accepted))

    async def abort(self, request: Request) -> Response:
        order = _typed(Abort, await read_body(request, self._max_body))
        run = await self._resolve(request)
        async with self._engine.call("abort", whom="a worker (is one running?)") as client:
            accepted = await runs.abort(client.get_workflow_handle(run), replace(order, via="api"))
        return JSONResponse(dataclasses.asdict(accepted))

    async def _resolve(self, request: Request) -> str:
        """The id of the run that the address names. Raises HTTPException 404 when there is none."""
        try:
            async with self._engine.call("describe") as client:
                return (await runs.resolve(client, request.path_params["run"])).id
        except InvalidInput as error:
            raise HTTPException(404, str(error)) from error


def _here(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        require_here(request, "people are not authenticated yet, so only this machine may use /api")
        return await endpoint(request)

    return guarded


def _typed(kind: type[_D], body: bytes) -> _D:
    """The body as `kind`. Raises InvalidInput with the place of the first thing that does not fit."""
    data = read(body).value
    known = [spec.name for spec in dataclasses.fields(kind)]
    if isinstance(data, dict) and (odd := next((key for key in data if key not in known), None)) is not None:
        raise InvalidInput(f"`{odd[:64]}` is not expected here; known are: {', '.join(known)}")
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise InvalidInput(f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}") from error
