"""AWS for tests: moto's server, which keeps what it is told to make."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.process import running
from tests.support.prometheus import answers
from tests.support.sshd import unused_port
from tests.support.until import until


@contextlib.contextmanager
def start_moto(folder: Path) -> Iterator[str]:
    """Its URL."""
    folder.mkdir()
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "log") as process:
        until(lambda: answers(f"{url}/moto-api/") or process.poll() is not None, "moto")
        assert process.poll() is None, (folder / "log").read_text()
        yield url
