"""What every test may ask for: a real Temporal, with or without skipping of time, one for the session."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from temporalio.testing import WorkflowEnvironment

from stanch.client.connect import ensure_search_attributes
from stanch.client.payloads import data_converter
from tests.support.temporal import TemporalServer, binary, start_temporal

# What a shell has put into the background does not hear Ctrl-C, nor after `nohup` that the terminal is gone,
# and what that starts would not either.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# Two busy cores: a deadline for one example would measure the neighbours.
# Whoever works on it explores: other examples every time. A gate says the same of the same code.
settings.register_profile("stanch", deadline=None, print_blob=True)
settings.register_profile("gate", settings.get_profile("stanch"), derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "stanch")


@pytest.fixture(scope="session")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """The embedded Temporal server, as `stanch up` starts it but without a Web UI, in memory."""
    with start_temporal(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """Temporal's time-skipping test server: hours of a ladder pass in milliseconds."""
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(binary("temporal-test-server")), data_converter=data_converter
    )
    async with environment:
        await ensure_search_attributes(environment.client)
        yield environment


@pytest.fixture(autouse=True)
def no_configuration_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's own `stanch.yaml` and `STANCH_...` variables do not reach the tests."""
    for name in [name for name in os.environ if name.startswith("STANCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
