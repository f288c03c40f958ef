"""How long a run stands still when its only worker, or Temporal, is killed and started again at once.

    python bench/recovery.py [--json] [--rounds N]

From `kill -9` to the start of the next step on its host, with a worker process, a server with a database file
and an sshd, all of them real. What is under way is a read or a change of one second, or a question that is
answered as soon as somebody can. Seconds; the median of the rounds, and the longest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from temporalio.client import Client

from stanch.client import runs
from stanch.client.payloads import data_converter
from stanch.client.start import Start, start_run
from stanch.config import Config, TemporalConfig
from stanch.contract import Decision
from stanch.errors import EngineUnavailable, IllegalDecision
from stanch.language.compile import compile_runbook
from stanch.language.plan import Plan
from stanch.schemas import load_catalogue
from tests.chaos.processes import Program, programs
from tests.support.sshd import start_sshd
from tests.support.temporal import command, free_port

ROOT = Path(__file__).resolve().parent.parent
RUNBOOK = Path(__file__).with_name("recovery.yaml")
CASES = (
    ("worker", "read"),
    ("worker", "change"),
    ("worker", "question"),
    ("server", "read"),
    ("server", "change"),
    ("server", "question"),
)
_PATIENCE = 120.0
_MARK = """\
#!/bin/sh
echo "$1 $(date +%s.%N)" >>{record}
sleep "$2"
"""


@dataclass(slots=True)
class Place:
    """One server, one worker, one host. `record` is what the host was told, and when."""

    client: Client
    server: Program
    worker: Program
    config: Config
    plan: Plan
    record: Path
    count: int = 0

    async def one(self, victim: str, under_way: str) -> float:
        """Seconds from the death of the victim to the next step's start."""
        self.count += 1
        self.record.write_text("")
        start = Start(self.plan, str(self.count), {"under_way": under_way}, started_by="bench")
        run = (await start_run(self.client, self.config, start)).run
        request = ""
        if under_way == "question":
            request = await self._asked(run)
        else:
            await self._marked("first")
        killed = time.time()
        dying = self.worker if victim == "worker" else self.server
        dying.kill()
        dying.start()
        if request:
            await self._answer(run, request)
        await self._marked("next")
        began = next(
            float(line.split()[1]) for line in self.record.read_text().splitlines() if line.startswith("next")
        )
        await self.client.get_workflow_handle(run).result()
        return began - killed

    async def _marked(self, name: str) -> None:
        async with asyncio.timeout(_PATIENCE):
            while name not in self.record.read_text():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)

    async def _asked(self, run: str) -> str:
        handle = self.client.get_workflow_handle(run)
        async with asyncio.timeout(_PATIENCE):
            while True:
                view = await runs.view(handle)
                left = (await handle.describe()).raw_description
                # Everybody has been paged, and the run sleeps.
                if (
                    view.requests
                    and not left.pending_activities
                    and not left.HasField("pending_workflow_task")
                ):
                    return view.requests[0].digest
                await asyncio.sleep(0.05)

    async def _answer(self, run: str, digest: str) -> None:
        answer = Decision("question", "answer", "alice", digest, "go on", values={"answer": "yes"})
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    await runs.decide(self.client.get_workflow_handle(run), answer)
                except EngineUnavailable:
                    await asyncio.sleep(0.05)
                except IllegalDecision:
                    return  # it was heard the first time
                else:
                    return


@contextmanager
def processes(folder: Path) -> Iterator[tuple[Program, Program, str, Path]]:
    """The server, the worker, the server's address, and the host's record."""
    with start_sshd(folder, hosts=["host"]) as farm, programs() as started:
        record = farm["host"].home / "record"
        record.touch()
        record.chmod(0o666)
        mark = farm.bin / "mark"
        mark.write_text(_MARK.format(record=shlex.quote(str(record))))
        mark.chmod(0o755)
        port = free_port()
        address = f"127.0.0.1:{port}"
        config = folder / "stanch.yaml"
        config.write_text(
            yaml.safe_dump({"temporal": {"address": address}, "ssh": {"config_file": str(farm.config_file)}})
        )
        server = started.add(
            "server", command(port, database=folder / "temporal.db"), folder / "temporal.log"
        )
        server.start()
        variables = {"STANCH_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
        worker = started.add(
            "worker", [sys.executable, ROOT / "worker.py"], folder / "worker.log", **variables
        )
        yield server, worker, address, record


async def measure(folder: Path, rounds: int) -> dict[str, list[float]]:
    with processes(folder) as (server, worker, address, record):
        client = await _connected(address)
        worker.start()
        config = Config(temporal=TemporalConfig(address=address))
        place = Place(client, server, worker, config, _compiled(), record)
        found: dict[str, list[float]] = {f"{victim}, {what}": [] for victim, what in CASES}
        for _ in range(rounds):
            for victim, what in CASES:
                found[f"{victim}, {what}"].append(await place.one(victim, what))
    return found


async def _connected(address: str) -> Client:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                client = await Client.connect(address, data_converter=data_converter)
                await runs.list_runs(client)
            except Exception:  # noqa: BLE001 - not there yet, in one of several ways
                await asyncio.sleep(0.2)
            else:
                return client


def _compiled() -> Plan:
    today = datetime.now(UTC).date()
    found = compile_runbook(RUNBOOK.name, RUNBOOK.read_text(encoding="utf-8"), load_catalogue(), today)
    if found.plan is None:
        raise SystemExit("\n".join(f"{each.code}: {each.message}" for each in found.diagnostics))
    return found.plan


def table(found: dict[str, list[float]]) -> str:
    lines = [f"{'killed, under way':<24}{'median':>10}{'longest':>10}"]
    for name, seconds in found.items():
        lines.append(f"{name:<24}{statistics.median(seconds):>8.1f} s{max(seconds):>8.1f} s")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), options.rounds))
    sys.stdout.write((json.dumps(found) if options.json else table(found)) + "\n")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
