from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from devtools.demo.process import Demo, running_demo
from tests.devtools.support import connect


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """Hosts that a test may change; nobody uses the service."""
    with running_demo(tmp_path / "state", "--load", "0") as running:
        yield running


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Hosts that a test leaves as they are."""
    with running_demo(tmp_path_factory.mktemp("hosts") / "state", "--load", "0") as running:
        yield running


@pytest.fixture
def web1(hosts: Demo) -> Iterator[paramiko.SSHClient]:
    with connect(hosts, "web1") as client:
        yield client
