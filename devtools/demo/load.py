"""The customers: a steady stream of requests to the service, over HTTP like everybody else's."""

from __future__ import annotations

import http.client
import threading
import time


class Load:
    """Asks for `path` `rate` times a second, one request at a time, until it is stopped."""

    def __init__(self, host: str, port: int, path: str, rate: float) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=2)
        self._path = path
        self._interval = 1 / rate
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(due - time.monotonic()):
            try:
                self._connection.request("GET", self._path)
                self._connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                self._connection.close()
            # What a busy machine missed is not made up for: a burst would be another kind of load.
            due = max(due + self._interval, time.monotonic())
        self._connection.close()
