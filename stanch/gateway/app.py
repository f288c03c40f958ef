"""The gateway as an ASGI application: what is at which address, and how errors are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from temporalio.client import Client

from stanch.config import Config
from stanch.errors import StanchError
from stanch.gateway import answers
from stanch.gateway.access import read_token
from stanch.gateway.api import Api
from stanch.gateway.deliveries import Deliveries
from stanch.gateway.dispatch import Dispatcher
from stanch.gateway.engine import ClientProvider, Engine
from stanch.gateway.health import Health
from stanch.gateway.metrics import Metrics
from stanch.gateway.people import read_people
from stanch.gateway.server import listen
from stanch.library import Library
from stanch.shelf import Shelf


async def serve(
    config: Config,
    client: Client,
    library: Library | Shelf,
    *,
    eager: bool,
    stop: asyncio.Event,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Run the gateway with this client until `stop` is set; signals are left to the process around it.

    `listening` is told the base URL. Raises InvalidInput when the port, a token or a key cannot be had.
    """

    async def connected() -> Client:
        return client

    await listen(create_app(config, connected, library, eager=eager), config.gateway, stop, listening)


def create_app(
    config: Config, client_provider: ClientProvider, library: Library | Shelf, *, eager: bool = False
) -> Starlette:
    """The application; `client_provider` is asked for a client at every call. `eager` offers the first task
    of a run to a worker in this process. Raises InvalidInput when a token or a key cannot be read."""
    metrics = Metrics()
    shelf = library if isinstance(library, Shelf) else Shelf(library)
    engine = Engine(config, client_provider, metrics, eager=eager)
    settings = config.gateway
    people = read_people(settings)
    deliveries = Deliveries(
        Dispatcher(config, engine, shelf, people.sign_start),
        metrics,
        token=read_token(settings.alert_token),
        max_body=settings.max_body,
    )
    health = Health(engine, shelf, metrics)
    return Starlette(
        routes=[
            Route("/alerts/{source}", deliveries.receive, methods=["POST"]),
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
            *Api(engine, shelf, people, max_body=settings.max_body).routes(),
        ],
        exception_handlers={
            HTTPException: answers.refused,
            StanchError: answers.failed,
            Exception: answers.broken,
        },
    )
