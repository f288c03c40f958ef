from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from stanch.client.connect import connect
from stanch.config import Config, GatewayConfig, TemporalConfig
from stanch.gateway.app import serve
from stanch.library import Library, load_library
from stanch.shelf import Shelf
from tests.gateway.server import TemporalServer


@pytest.fixture(scope="session")
def temporal() -> Iterator[TemporalServer]:
    server = TemporalServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def library() -> Library:
    return load_library([Path(__file__).parent / "runbooks"], date(2026, 11, 23))


@pytest.fixture
def config(temporal: TemporalServer) -> Config:
    return Config(
        temporal=TemporalConfig(address=temporal.address),
        gateway=GatewayConfig(port=0, max_body=64 * 1024),
    )


@pytest.fixture
async def client(config: Config) -> Client:
    return await connect(config)


@asynccontextmanager
async def serving(
    config: Config, client: Client, library: Library | Shelf, *, eager: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    """A real gateway on a free port, and a client that speaks to it; stops when it is left."""
    stop = asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(
        serve(config, client, library, eager=eager, stop=stop, listening=listening.set_result)
    )
    try:
        server.add_done_callback(lambda _ended: listening.cancel())
        try:
            url = await listening
        except asyncio.CancelledError:
            await server
            raise
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield http
    finally:
        stop.set()
        await server


@pytest.fixture
async def gateway(config: Config, client: Client, library: Library) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(config, client, library) as http:
        yield http


def with_gateway(config: Config, **changes: object) -> Config:
    """The configuration with other values under `gateway`."""
    return replace(config, gateway=replace(config.gateway, **changes))  # type: ignore[arg-type]
