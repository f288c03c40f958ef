"""The gateway as a process and inside one: it listens, says why it cannot, and stops when told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from stanch.config import Config
from stanch.errors import InvalidInput
from stanch.gateway import server
from stanch.gateway.app import serve
from stanch.library import Library
from tests.gateway.conftest import serving, with_gateway
from tests.gateway.server import TemporalServer, free_port
from tests.project.checkout import ROOT

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def refusal(config: Config, client: Client, library: Library) -> str:
    with pytest.raises(InvalidInput) as error:
        await serve(config, client, library, eager=False, stop=asyncio.Event())
    return str(error.value)


async def test_a_taken_port_is_one_line_that_says_what_to_set(
    config: Config, client: Client, library: Library
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = await refusal(with_gateway(config, port=port), client, library)
    assert said == f"port {port} is taken on 127.0.0.1; set gateway.port or STANCH_GATEWAY_PORT"


async def test_a_host_that_is_not_ours_is_one_line_too(
    config: Config, client: Client, library: Library
) -> None:
    said = await refusal(with_gateway(config, host="192.0.2.1"), client, library)
    assert said.startswith("cannot listen on `192.0.2.1`: ")
    assert said.endswith("; set gateway.host or STANCH_GATEWAY_HOST")


async def test_a_gateway_stops_when_told_and_leaves_its_port_and_the_signals_alone(
    config: Config, client: Client, library: Library
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with serving(config, client, library) as gateway:
        assert (await gateway.get("/healthz")).status_code == 200
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
        port = gateway.base_url.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0), 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_gateway_alone_serves_the_shipped_runbooks_until_a_signal(
    temporal: TemporalServer, number: signal.Signals
) -> None:
    port = free_port()
    process = alone(port, temporal.address)
    try:
        deadline = time.monotonic() + 30
        while not answers(port):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert f"listens on http://127.0.0.1:{port}" in said


def test_the_gateway_alone_says_in_one_line_that_its_port_is_taken(temporal: TemporalServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = alone(taken.getsockname()[1], temporal.address)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said.startswith("error: port ")
    assert said.count("\n") == 1


def alone(port: int, address: str) -> subprocess.Popen[str]:
    named = {name: value for name, value in os.environ.items() if not name.startswith("STANCH_")}
    named |= {"STANCH_GATEWAY_PORT": str(port), "STANCH_TEMPORAL_ADDRESS": address}
    command = [sys.executable, "-m", "stanch.gateway"]
    return subprocess.Popen(
        command, cwd=ROOT, env=named, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


async def test_a_head_without_end_is_cut_off(config: Config, client: Client, library: Library) -> None:
    async with serving(config, client, library) as gateway:
        for beginning in (b"GET /healthz?", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "):
            reader, writer = await connected(gateway)
            writer.write(beginning)
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    writer.write(b"a" * 10_000)
                    await writer.drain()
            with contextlib.suppress(ConnectionError):
                assert b"200" not in await asyncio.wait_for(reader.read(), 10)
            writer.close()
        assert (await gateway.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: localho", HEALTH, HEALTH + b"GET /he"]
)
async def test_a_connection_on_which_no_request_begins_is_closed(
    config: Config, client: Client, library: Library, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_PATIENCE", 0.2)
    async with serving(config, client, library) as gateway:
        reader, writer = await connected(gateway)
        writer.write(sent)
        answered = await asyncio.wait_for(reader.read(), 4)
        assert answered.count(b"200 OK") == sent.count(HEALTH)
        writer.close()


async def test_a_request_that_is_being_answered_keeps_its_connection(
    config: Config, client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_PATIENCE", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"alerts": '
        await asyncio.sleep(0.5)
        yield b"[]}"

    async with serving(config, client, library) as gateway:
        assert (await gateway.post("/alerts/alertmanager", content=slowly())).status_code == 202


async def test_no_more_connections_are_held_than_a_process_can_afford(
    config: Config, client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    async with serving(config, client, library) as gateway:
        held = [await connected(gateway) for _ in range(3)]
        reader, writer = await connected(gateway)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        for _, each in [*held, (reader, writer)]:
            each.close()
        while True:
            with contextlib.suppress(httpx.TransportError):
                assert (await gateway.get("/healthz")).status_code == 200
                break


async def connected(gateway: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(gateway.base_url.host, gateway.base_url.port)
