"""Commands as a person types them in one folder, with a real Temporal and a real worker behind them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from temporalio.client import Client

from stanch.client.payloads import data_converter
from stanch.client.runs import view
from stanch.contract import Request, RunView
from tests.cli.live import CHOOSE, RUNBOOK, TWO, Switch
from tests.cli.processes import bare_environment, stanch

Said: TypeAlias = subprocess.CompletedProcess[str]


class Terminal:
    """Commands in one folder, with one Temporal."""

    def __init__(self, address: str, folder: Path, switch: Switch) -> None:
        self.address = address
        self.environment = bare_environment(STANCH_TEMPORAL_ADDRESS=address, STANCH_USER="rob")
        self.folder = folder
        self.switch = switch
        (folder / "switch-off.yaml").write_text(RUNBOOK)
        (folder / "choose.yaml").write_text(CHOOSE)
        (folder / "two.yaml").write_text(TWO)

    def __call__(self, *arguments: str, user: str = "dana") -> Said:
        return stanch(*arguments, cwd=self.folder, STANCH_TEMPORAL_ADDRESS=self.address, STANCH_USER=user)

    def start(self, runbook: str = "switch-off.yaml", *options: str) -> str:
        """A new run, started by rob; its id."""
        started = self("run", runbook, "-i", f"url={self.switch.url}", *options, user="rob")
        assert started.returncode == 0, started.stderr
        return started.stdout.strip()

    def until(self, run: str, holds: Callable[[RunView], object]) -> RunView:
        """The run's view once it holds, within half a minute."""
        return asyncio.run(asyncio.wait_for(self._until(run, holds), 30))

    async def _until(self, run: str, holds: Callable[[RunView], object]) -> RunView:
        client = await Client.connect(self.address, data_converter=data_converter)
        while not holds(seen := await view(client.get_workflow_handle(run))):
            await asyncio.sleep(0.05)
        return seen

    def terminate(self, run: str) -> None:
        """As the Web UI does."""

        async def terminated() -> None:
            client = await Client.connect(self.address)
            await client.get_workflow_handle(run).terminate("from outside")

        asyncio.run(terminated())

    def asked(self, run: str) -> Request:
        return self.until(run, lambda seen: seen.requests).requests[0]

    def ended(self, run: str) -> RunView:
        return self.until(run, lambda seen: seen.outcome)
