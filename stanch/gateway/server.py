"""Listen, alone or in the worker's process, and say in one line why that is not possible."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from stanch.config import GatewayConfig
from stanch.errors import InvalidInput

log = logging.getLogger("stanch.gateway")

HEAD_PATIENCE = 15.0
"""Seconds for the head of a request, and for nothing at all: senders connect when they need it."""
MOST_CONNECTIONS = 500
_FAREWELL = 10
"""Seconds that deliveries in progress have when the gateway stops."""


class _Connection(H11Protocol):
    """Closes when no request begins on it, and there is a largest number of them: each holds a file
    descriptor of the process, which the worker in it needs, too. Of uvicorn's two protocols this is the one
    that bounds the head of a request."""

    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        else:
            self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        self._watch = self.loop.call_later(HEAD_PATIENCE, self._look, self.cycle)

    def _look(self, before: RequestResponseCycle | None) -> None:
        now: RequestResponseCycle | None = self.cycle
        if now is before and (now is None or now.response_complete):
            self.transport.close()
        else:
            self._look_again()


class _Server(uvicorn.Server):
    """Signals belong to the process that the gateway is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def listen(
    app: Starlette,
    settings: GatewayConfig,
    stop: asyncio.Event,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Answer on `gateway.host:port` until `stop` is set, then finish what has begun and return.

    `listening` is told the base URL once connections are accepted (port 0 means any free one). Raises
    InvalidInput when nothing can listen there.
    """
    listener = _socket(settings.host, settings.port)
    url = _url(settings.host, listener)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            # Who the peer is decides what it may do, so nobody else's word for it is taken.
            proxy_headers=False,
            server_header=False,
            http=_Connection,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_FAREWELL,
        )
    )
    stopping = asyncio.create_task(_stop(server, stop))
    try:
        log.info("the gateway listens on %s", url)
        if listening:
            listening(url)
        await server.serve([listener])
    finally:
        stopping.cancel()
        listener.close()


async def _stop(server: _Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def _socket(host: str, port: int) -> socket.socket:
    """A socket that already accepts connections; uvicorn would end the process when it cannot have one."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # Of the two that `localhost` is, the one that everybody means.
        family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        return socket.create_server((address[0], address[1]), family=family, backlog=2048)
    except OSError as error:
        raise InvalidInput(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken on {host}; set gateway.port or STANCH_GATEWAY_PORT"
    if error.errno == errno.EACCES:
        return f"port {port} is for the superuser alone; set gateway.port or STANCH_GATEWAY_PORT"
    reason = error.strerror or str(error)
    return f"cannot listen on `{host}`: {reason}; set gateway.host or STANCH_GATEWAY_HOST"


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
