"""A real Temporal server for tests: the `temporal` binary on a free port."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from stanch.client.payloads import data_converter
from stanch.config import Config, TemporalConfig
from stanch.contract import SEARCH_BOOLS, SEARCH_KEYWORDS


@dataclass(frozen=True, slots=True)
class TemporalServer:
    address: str
    process: subprocess.Popen[bytes]

    @property
    def config(self) -> Config:
        return Config(temporal=TemporalConfig(address=self.address))

    async def client(self) -> Client:
        return await Client.connect(self.address, data_converter=data_converter)


def binary(name: str) -> Path:
    """A program that was installed beside the interpreter."""
    return Path(sys.executable).parent / name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(port: int, *, database: Path | None = None, ui_port: int = 0) -> list[str]:
    """The server with Stanch's tuning and search attributes, as a command."""
    flags = ["--ip", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    flags += ["--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"]
    flags += ["--ui-port", str(ui_port)] if ui_port else ["--headless"]
    if database:
        flags += ["--db-filename", str(database)]
        flags += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"]
    for name in SEARCH_KEYWORDS:
        flags += ["--search-attribute", f"{name}=Keyword"]
    for name in SEARCH_BOOLS:
        flags += ["--search-attribute", f"{name}=Bool"]
    return [str(binary("temporal")), "server", "start-dev", *flags]


@contextmanager
def start_temporal(
    folder: Path,
    *,
    port: int = 0,
    database: Path | None = None,
    ui_port: int = 0,
    flags: Sequence[str] = (),
) -> Iterator[TemporalServer]:
    """That server on its port; killed at the end."""
    port = port or free_port()
    log = (folder / "temporal.log").open("ab")
    process = subprocess.Popen(
        [*command(port, database=database, ui_port=ui_port), *flags],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield TemporalServer(f"127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait()
        log.close()


def _wait_for(port: int, process: subprocess.Popen[bytes], patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    address = ["--address", f"127.0.0.1:{port}"]
    while time.monotonic() < deadline:
        answer = subprocess.run(
            [binary("temporal"), "operator", "namespace", "describe", "default", *address],
            capture_output=True,
            check=False,
        )
        if answer.returncode == 0:
            return
        if process.poll() is not None:
            break
    raise RuntimeError(f"the Temporal server did not start on port {port}")
