"""The gateway as a process and inside one: it listens, says why it cannot, and stops when told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from temporalio.client import Client

from stanch.config import Config
from stanch.errors import InvalidInput
from stanch.gateway.app import serve
from stanch.library import Library
from tests.gateway.conftest import serving, with_gateway
from tests.gateway.server import TemporalServer, free_port
from tests.project.checkout import ROOT


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
