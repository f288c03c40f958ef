"""A worker for the tests of a module, and a terminal for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.live import Switch, serving_switch, working
from tests.cli.terminal import Terminal
from tests.support.temporal import TemporalServer


@pytest.fixture(scope="module")
def worker_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the worker stands, with its log and its evidence."""
    return tmp_path_factory.mktemp("worker")


@pytest.fixture(scope="module")
def worker(temporal: TemporalServer, worker_folder: Path) -> Iterator[str]:
    """The address of a Temporal that a worker works for."""
    with working(temporal.address, worker_folder):
        yield temporal.address


@pytest.fixture
def switch() -> Iterator[Switch]:
    with serving_switch() as found:
        yield found


@pytest.fixture
def switch_beside() -> Iterator[str]:
    """The address of a second switch."""
    with serving_switch() as found:
        yield found.url


@pytest.fixture
def terminal(worker: str, tmp_path: Path, switch: Switch) -> Terminal:
    return Terminal(worker, tmp_path, switch)
