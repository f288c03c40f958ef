"""A Temporal server of the tests' own, on a port of loopback, that can be killed and started again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from stanch.contract import SEARCH_BOOLS, SEARCH_KEYWORDS

PATIENCE = 30.0


class TemporalServer:
    def __init__(self) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, and return when it accepts connections."""
        attributes = [f"{name}=Keyword" for name in SEARCH_KEYWORDS] + [
            f"{name}=Bool" for name in SEARCH_BOOLS
        ]
        command = [
            _temporal(),
            "server",
            "start-dev",
            "--headless",
            "--ip",
            "127.0.0.1",
            "--log-level",
            "error",
        ]
        command += ["--port", str(self.port)]
        command += ["--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"]
        command += [word for attribute in attributes for word in ("--search-attribute", attribute)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not _accepts(self.port):
            assert self._process.poll() is None, "the Temporal server ended by itself"
            assert time.monotonic() < deadline, "the Temporal server does not listen"
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _temporal() -> str:
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    assert found, "the `temporal` program is missing; `make install` brings it"
    return found
