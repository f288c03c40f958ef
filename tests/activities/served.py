"""Real HTTP servers for the tests of actions: one that follows a script, and one that speaks raw bytes."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it arrived."""

    at: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    port: int
    """Of the caller: the same as long as it keeps its connection."""


Reply = Callable[[Got], Response]


@dataclass(slots=True)
class Scripted:
    """Answers each request by `reply` and remembers it."""

    reply: Reply = field(default=lambda got: JSONResponse({}))
    got: list[Got] = field(default_factory=list)
    url: str = ""

    def methods(self) -> list[str]:
        return [one.method for one in self.got]

    async def endpoint(self, request: Request) -> Response:
        got = Got(
            at=time.monotonic(),
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            headers=dict(request.headers),
            body=await request.body(),
            port=request.client.port if request.client else 0,
        )
        self.got.append(got)
        return self.reply(got)


@contextmanager
def served(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """`app` on loopback, in a thread of its own; gives the base URL."""
    config = uvicorn.Config(app, port=port, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline and thread.is_alive():
        time.sleep(0.005)
    assert server.started, "the test's server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@contextmanager
def scripted(port: int = 0) -> Iterator[Scripted]:
    script = Scripted()
    app = Starlette(routes=[Route("/{path:path}", script.endpoint, methods=METHODS)])
    with served(app, port) as url:
        script.url = url
        yield script


@asynccontextmanager
async def raw(
    behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that reads a request's head and then does with the connection what `behave` says."""

    handling: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handling.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for `condition`, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        await asyncio.sleep(0.01)
