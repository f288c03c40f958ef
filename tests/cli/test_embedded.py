"""The embedded Temporal server, for real."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from stanch.cli.place import free_ports
from stanch.client.child import Child
from stanch.client.embedded import Embedded, start_embedded
from stanch.contract import SEARCH_BOOLS, SEARCH_KEYWORDS
from stanch.errors import EngineUnavailable


def somewhere(state: Path) -> Embedded:
    port, ui_port = free_ports([("", 0), ("", 0)])
    return Embedded(state, port, ui_port)


@contextlib.asynccontextmanager
async def serving(embedded: Embedded) -> AsyncIterator[Child]:
    server = await start_embedded(embedded)
    try:
        yield server
    finally:
        await server.stop()


async def test_it_is_ready_with_the_search_attributes_and_the_web_ui(tmp_path: Path) -> None:
    embedded = somewhere(tmp_path)
    async with serving(embedded):
        client = await Client.connect(embedded.address)
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace="default")
        )
        assert set(listed.custom_attributes) >= {*SEARCH_KEYWORDS, *SEARCH_BOOLS}
        reader, writer = await asyncio.open_connection("127.0.0.1", embedded.ui_port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.0 ")
        writer.close()


async def test_what_it_knew_it_still_knows_after_a_restart(tmp_path: Path) -> None:
    for start_it in (True, False):
        embedded = somewhere(tmp_path)
        async with serving(embedded):
            client = await Client.connect(embedded.address)
            if start_it:
                await client.start_workflow("nobody-runs-this", id="kept", task_queue="none")
            assert (await client.get_workflow_handle("kept").describe()).workflow_type == "nobody-runs-this"


async def test_a_server_that_dies_while_it_starts_is_one_line_with_its_reason(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        embedded = Embedded(tmp_path, taken.getsockname()[1], somewhere(tmp_path).ui_port)
        with pytest.raises(
            EngineUnavailable, match=r"did not start: temporal ended with status 1: .*address already in use"
        ):
            await start_embedded(embedded)


async def test_a_database_that_cannot_be_used_is_one_line_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_text("this is no database, " * 100)
    with pytest.raises(
        EngineUnavailable, match=r"did not start: temporal ended with status 1: .*not a database"
    ):
        await start_embedded(somewhere(tmp_path))
