"""`/api/v1/runs...`: what the command line does, as JSON.

A person who shows their token is signed for. Without one, only programs on this machine are let in, and what
they say of who decides is passed on as it is, with the proof that it may bring.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client

from stanch.client import incidents, leases, runs
from stanch.client.joining import incident_name
from stanch.client.start import Start, unsigned
from stanch.contract import Abort, Decision, IncidentRef, Order
from stanch.errors import InvalidInput
from stanch.gateway.alerts.document import read
from stanch.gateway.bodies import IncidentWanted, RunWanted
from stanch.gateway.body import read_body
from stanch.gateway.engine import Engine
from stanch.gateway.openapi import document
from stanch.gateway.page import HEADERS, render_page
from stanch.gateway.people import People
from stanch.language.inputs import check_inputs
from stanch.shelf import Shelf

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from temporalio.client import WorkflowHandle

    _M = TypeVar("_M", Decision, Abort, Order)
    _D = TypeVar("_D", bound=DataclassInstance)

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_MOST_RUNS = 500
DESCRIPTION = "/api/v1/openapi.json"


class Api:
    def __init__(self, engine: Engine, shelf: Shelf, people: People, *, max_body: int) -> None:
        self._engine = engine
        self._shelf = shelf
        self._people = people
        self._max_body = max_body

    def routes(self) -> list[Route]:
        """The longer paths come first: a run's name has slashes of its own."""
        return [
            Route(DESCRIPTION, self.describe, methods=["GET"]),
            Route("/api/v1/runs", self._admitted(self.index), methods=["GET"]),
            Route("/api/v1/runs", self._admitted(self.start), methods=["POST"]),
            Route("/api/v1/runs/{run:path}/decisions", self._admitted(self.decide), methods=["POST"]),
            Route("/api/v1/runs/{run:path}/abort", self._admitted(self.abort), methods=["POST"]),
            Route("/api/v1/runs/{run:path}/orders", self._admitted(self.order), methods=["POST"]),
            Route("/api/v1/runs/{run:path}", self._admitted(self.show), methods=["GET"]),
            Route("/runs/{run:path}", self.page, methods=["GET"]),
            Route("/api/v1/leases", self._admitted(self.list_leases), methods=["GET"]),
            Route("/api/v1/incidents", self._admitted(self.list_incidents), methods=["GET"]),
            Route("/api/v1/incidents/{incident}", self._admitted(self.show_incident), methods=["GET"]),
            Route("/api/v1/incidents/{incident}/hold", self._admitted(self.hold), methods=["POST"]),
            Route("/api/v1/incidents/{incident}/release", self._admitted(self.release), methods=["POST"]),
            Route("/api/v1/incidents/{incident}/trust", self._admitted(self.trust), methods=["POST"]),
        ]

    async def describe(self, _request: Request) -> Response:
        """It holds nothing of anybody, so whoever asks may have it."""
        return JSONResponse(document())

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
        wanted = await self._said(request, RunWanted)
        await self._shelf.refresh()
        plan = self._shelf.library.plans.get(wanted.runbook)
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
            incident=IncidentRef(incident_name(wanted.incident), wanted.severity)
            if wanted.incident
            else None,
        )
        # A program on this machine that shows no token says who started it, and nobody has proven that.
        sign = self._people.sign_start if self._people.admit(request) else unsigned
        return JSONResponse(dataclasses.asdict(await self._engine.start(start, sign)), 201)

    async def show(self, request: Request) -> Response:
        run = await self._resolve(request)
        async with self._engine.call("view", whom="a worker (is one running?)") as client:
            handle = client.get_workflow_handle(run)
            seen = await runs.settled(handle, await runs.view(handle))
        return JSONResponse(dataclasses.asdict(seen))

    async def page(self, request: Request) -> Response:
        """The same for people: HTML that only shows."""
        self._people.admit_reader(request)
        run = await self._resolve(request)
        async with self._engine.call("view", whom="a worker (is one running?)") as client:
            handle = client.get_workflow_handle(run)
            seen = await runs.settled(handle, await runs.view(handle))
        return HTMLResponse(render_page(seen), headers=HEADERS)

    async def decide(self, request: Request) -> Response:
        decision = await self._said(request, Decision)
        run = await self._resolve(request)
        async with self._engine.call("decide", whom="a worker (is one running?)") as client:
            handle = client.get_workflow_handle(run)
            accepted = await runs.decide(handle, await self._signed(request, handle, decision))
        return JSONResponse(dataclasses.asdict(accepted))

    async def abort(self, request: Request) -> Response:
        order = await self._said(request, Abort)
        run = await self._resolve(request)
        async with self._engine.call("abort", whom="a worker (is one running?)") as client:
            handle = client.get_workflow_handle(run)
            accepted = await runs.abort(handle, await self._signed(request, handle, order))
        return JSONResponse(dataclasses.asdict(accepted))

    async def order(self, request: Request) -> Response:
        order = await self._said(request, Order)
        run = await self._resolve(request)
        if order.verb == "undo":
            sign = self._people.sign_start if self._people.admit(request) else unsigned
            if (begun := await self._engine.undo(run, order, sign)) is not None:
                return JSONResponse(dataclasses.asdict(begun))
        async with self._engine.call("order", whom="a worker (is one running?)") as client:
            handle = client.get_workflow_handle(run)
            accepted = await runs.order(handle, await self._signed(request, handle, order))
        return JSONResponse(dataclasses.asdict(accepted))

    async def list_leases(self, _: Request) -> Response:
        async with self._engine.call("list", whom="a worker (is one running?)") as client:
            found = await leases.list_leases(client)
        return JSONResponse({"leases": [dataclasses.asdict(each) for each in found]})

    async def list_incidents(self, request: Request) -> Response:
        with_ended = request.query_params.get("all", "false")
        if with_ended not in ("true", "false"):
            raise InvalidInput("all: expected `true` or `false`")
        async with self._engine.call("list") as client:
            lines = await incidents.list_incidents(client, with_ended=with_ended == "true", limit=_MOST_RUNS)
        return JSONResponse({"incidents": [dataclasses.asdict(line) for line in lines]})

    async def show_incident(self, request: Request) -> Response:
        async with self._incident(request, "view") as (client, incident):
            seen = await incidents.view(client, incident)
        return JSONResponse(dataclasses.asdict(seen))

    async def hold(self, request: Request) -> Response:
        return await self._order_all(request, "hold")

    async def release(self, request: Request) -> Response:
        return await self._order_all(request, "release")

    async def trust(self, request: Request) -> Response:
        return await self._order_all(request, "trust")

    async def _order_all(self, request: Request, verb: Literal["hold", "release", "trust"]) -> Response:
        wanted = await self._said(request, IncidentWanted)
        async with self._incident(request, verb) as (client, incident):
            order = Order(
                verb,
                wanted.by,
                wanted.reason,
                incident=incident,
                key=wanted.key,
                via=wanted.via,
                proof=wanted.proof,
            )
            accepted = await incidents.order(client, await self._signed(request, None, order))
        return JSONResponse(dataclasses.asdict(accepted))

    @asynccontextmanager
    async def _incident(self, request: Request, name: str) -> AsyncIterator[tuple[Client, str]]:
        """A client, and the incident that the address names. Raises HTTPException 404 when there is none."""
        whom = "a worker (is one running?)"
        async with self._engine.call(name, deadline=runs.WORKER_PATIENCE, whom=whom) as client:
            try:
                yield client, incident_name(request.path_params["incident"])
            except incidents.NoIncident as error:
                raise HTTPException(404, str(error)) from error

    def _admitted(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            self._people.admit(request)
            return await endpoint(request)

        return guarded

    async def _said(self, request: Request, kind: type[_D]) -> _D:
        """The body, in nobody else's name than the caller's. Raises InvalidInput, HTTPException."""
        return _typed(kind, await read_body(request, self._max_body), by=self._people.admit(request))

    async def _signed(
        self, request: Request, handle: WorkflowHandle[object, object] | None, message: _M
    ) -> _M:
        """The message as the caller has signed it, or signed for who they are, or (from this machine) as it
        is. An order for an incident needs no run."""
        if message.proof is not None:
            return message
        message = replace(message, via="api")
        who = self._people.admit(request)
        if not who:
            return message
        if handle is None:
            return self._people.sign(message, who, "", 0.0)
        seen = await runs.view(handle)
        return self._people.sign(message, who, seen.run, seen.started)

    async def _resolve(self, request: Request) -> str:
        """The id of the run that the address names. Raises HTTPException 404 when there is none."""
        try:
            async with self._engine.call("describe") as client:
                return (await runs.resolve(client, request.path_params["run"])).id
        except InvalidInput as error:
            raise HTTPException(404, str(error)) from error


def _typed(kind: type[_D], body: bytes, *, by: str = "") -> _D:
    """The body as `kind`, said `by` this person if it is known who speaks.

    Raises InvalidInput with the place of the first thing that does not fit, and HTTPException 403.
    """
    data = read(body).value
    if by and isinstance(data, dict) and data.setdefault("by", by) != by:
        raise HTTPException(403, f"the token is that of {by}, who can speak for nobody else (`by`)")
    known = [spec.name for spec in dataclasses.fields(kind)]
    if isinstance(data, dict) and (odd := next((key for key in data if key not in known), None)) is not None:
        raise InvalidInput(f"`{odd[:64]}` is not expected here; known are: {', '.join(known)}")
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "top level"
        raise InvalidInput(f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}") from error
