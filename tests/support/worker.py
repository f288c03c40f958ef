"""`worker.py --gateway` as the process that it is in production, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.cli.processes import bare_environment
from tests.project.checkout import ROOT
from tests.support.process import end
from tests.support.until import until


@dataclass(slots=True)
class Worker:
    """`config` is its `stanch.yaml`, in which the gateway has the port of `url`."""

    config: Path
    url: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What all its processes have said."""
        return self.config.with_name("worker.log")

    def start(self) -> None:
        """Returns when it can take alerts and answer for runs."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "worker.py", "--gateway", "--stop-with-stdin"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self.config.parent,
                env=bare_environment(STANCH_CONFIG=str(self.config)),
                start_new_session=True,
            )
        until(self._ready, "the worker to be ready")

    def kill(self) -> None:
        """SIGKILL, for this process alone: what it has started must notice by itself."""
        assert self.process is not None
        with self.process as process:
            os.kill(process.pid, signal.SIGKILL)

    def stop(self) -> None:
        if self.process is not None:
            end(self.process)

    def _ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"the worker ended at once:\n{self.log.read_text()[-2000:]}")
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False
