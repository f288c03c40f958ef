"""The HTTP port in front of the fleet: `/<service>`, `/health`, `/metrics`."""

from __future__ import annotations

import json
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from devtools.demo.fleet import Fleet

HEALTH: Final = "/health"
METRICS: Final = "/metrics"


class FleetServer(ThreadingHTTPServer):
    """Serves `fleet` on a socket that already listens, so a taken port is known before anything starts."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, fleet: Fleet) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.fleet = fleet

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A customer who hangs up is no news; anything else is a mistake in here.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; with Nagle's algorithm the second waits for an acknowledgement.
    disable_nagle_algorithm = True
    # An idle connection is a thread.
    timeout = 60

    def do_GET(self) -> None:
        fleet = cast(FleetServer, self.server).fleet
        path = self.path.partition("?")[0]
        if path == f"/{fleet.service}":
            self._serve(fleet)
        elif path == HEALTH:
            self._json(HTTPStatus.OK, fleet.health())
        elif path == METRICS:
            self._reply(HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, fleet.metrics())
        else:
            known = ", ".join((f"/{fleet.service}", HEALTH, METRICS))
            self._json(HTTPStatus.NOT_FOUND, {"error": f"nothing at `{path}`; there is {known}"})

    def _serve(self, fleet: Fleet) -> None:
        answer = fleet.handle()
        body = {"service": fleet.service, "host": answer.host, "release": answer.release}
        if answer.failed:
            self._json(
                HTTPStatus.INTERNAL_SERVER_ERROR, body | {"error": "the request could not be completed"}
            )
        else:
            self._json(HTTPStatus.OK, body)

    def _json(self, status: HTTPStatus, body: object) -> None:
        self._reply(status, "application/json", json.dumps(body).encode() + b"\n")

    def _reply(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Forty lines a second would help nobody."""
