"""What a compiled runbook costs over a Temporal workflow written by hand with the same activities.

    python bench/overhead.py [--json] [--pairs N] [--at-once N]

One server, one worker process, unsandboxed as in production; the activity answers at once, so nothing hides
the overhead. Wall time is the median of the ratios of neighbouring pairs, because the machines are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from stanch.client.runner import workflow_runner
    from stanch.client.start import Start, run_input, start_run, static_details
    from stanch.config import Config, TemporalConfig
    from stanch.contract import TASK_QUEUE, ActionReport, ActionTask, RunResult
    from stanch.language.compile import compile_runbook
    from stanch.language.plan import Call, Plan
    from stanch.schemas import load_catalogue
    from stanch.visibility import attributes_of
    from tests.support.temporal import start_temporal
    from workflows.runbook import HEARTBEAT, RunbookWorkflow

STEPS = 10
RUNBOOK = Path(__file__).parent / "ten-steps.yaml"


@dataclass(frozen=True, slots=True)
class HandInput:
    service: str


@workflow.defn(name="by_hand")
class ByHand:
    """The same ten steps as somebody would write them for Temporal directly."""

    @workflow.run
    async def run(self, given: HandInput) -> RunResult:
        rates = []
        for number in range(STEPS):
            report = await workflow.execute_activity(
                "http",
                ActionTask(
                    step=f"step{number}",
                    call=Call("http", {"method": "GET", "url": f"http://{given.service}/{number}"}),
                    timeout=30,
                    key=f"{workflow.info().workflow_id}/step{number}#{number + 1}",
                ),
                result_type=ActionReport,
                start_to_close_timeout=timedelta(seconds=35),
                heartbeat_timeout=HEARTBEAT,
                retry_policy=RetryPolicy(maximum_attempts=3, initial_interval=timedelta(seconds=2)),
                summary=f"step{number}: Look at number {number}",
            )
            rates.append(float(report.result["json"]["rate"]))
        return RunResult("succeeded", outputs={"rates": rates})


@activity.defn(name="http")
async def answer(_: ActionTask) -> ActionReport:
    return ActionReport({"status": 200, "json": {"rate": 0.2}})


def compiled() -> Plan:
    today = datetime.now(UTC).date()
    found = compile_runbook(RUNBOOK.name, RUNBOOK.read_text(encoding="utf-8"), load_catalogue(), today)
    if found.plan is None:
        raise SystemExit("\n".join(f"{each.code}: {each.message}" for each in found.diagnostics))
    return found.plan


class Bench:
    def __init__(self, client: Client, config: Config, plan: Plan) -> None:
        self.client, self.config, self.plan = client, config, plan
        self.count = 0

    def start(self) -> Start:
        self.count += 1
        return Start(self.plan, f"bench-{self.count}", {"service": "checkout"}, started_by="bench")

    async def by_runbook(self) -> str:
        started = await start_run(self.client, self.config, self.start())
        await self.client.get_workflow_handle(started.run).result()
        return started.run

    async def by_hand(self) -> str:
        start = self.start()
        handle = await self.client.start_workflow(
            "by_hand",
            HandInput("checkout"),
            id=f"hand-{start.key}",
            task_queue=TASK_QUEUE,
            search_attributes=attributes_of(run_input(self.config, start, "")),
            static_summary=self.plan.title,
            static_details=static_details(start),
        )
        await handle.result()
        return handle.id

    async def timed(self, one: Any) -> float:
        begun = time.perf_counter()
        await one()
        return time.perf_counter() - begun

    async def pairs(self, count: int) -> list[tuple[float, float]]:
        """Seconds of one run by runbook and one by hand, in turn, the first of each pair alternating."""
        for _ in range(5):
            await self.by_runbook()
            await self.by_hand()
        found = []
        for number in range(count):
            first, second = (self.by_runbook, self.by_hand)[:: 1 if number % 2 else -1]
            a, b = await self.timed(first), await self.timed(second)
            found.append((a, b) if first == self.by_runbook else (b, a))
        return found

    async def history(self, run: str) -> tuple[int, int]:
        """Events and bytes of a run's history."""
        events = (await self.client.get_workflow_handle(run).fetch_history()).events
        return len(events), sum(event.ByteSize() for event in events)

    async def at_once(self, one: Any, count: int) -> float:
        """Steps a second with `count` runs started together."""
        begun = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        return count * STEPS / (time.perf_counter() - begun)


async def measure(pairs: int, at_once: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, start_temporal(Path(folder)) as server:
        client = await server.client()
        config = Config(temporal=TemporalConfig(address=server.address))
        bench = Bench(client, config, compiled())
        async with Worker(
            client,
            task_queue=TASK_QUEUE,
            workflows=[RunbookWorkflow, ByHand],
            activities=[answer],
            workflow_runner=workflow_runner(sandboxed=False),
            max_cached_workflows=4000,
        ):
            times = await bench.pairs(pairs)
            events, size = await bench.history(await bench.by_runbook())
            hand_events, hand_size = await bench.history(await bench.by_hand())
            speed = await bench.at_once(bench.by_runbook, at_once)
            hand_speed = await bench.at_once(bench.by_hand, at_once)
    return {
        "wall_ratio": statistics.median(ours / theirs for ours, theirs in times),
        "events_ratio": events / hand_events,
        "bytes_ratio": size / hand_size,
        "steps_per_second": speed,
        "steps_per_second_by_hand": hand_speed,
        "wall_ms": statistics.median(ours for ours, _ in times) * 1000,
        "wall_ms_by_hand": statistics.median(theirs for _, theirs in times) * 1000,
        "events": events,
        "bytes": size,
        "bytes_by_hand": hand_size,
        "pairs": pairs,
        "runs_at_once": at_once,
    }


def table(found: dict[str, float]) -> str:
    rows = [
        ("", "runbook", "by hand", "ratio", "to reach"),
        ("wall, ten steps (ms)", "wall_ms", "wall_ms_by_hand", "wall_ratio", "<= 1.10"),
        ("history events", "events", "", "events_ratio", "= 1"),
        ("history bytes", "bytes", "bytes_by_hand", "bytes_ratio", "<= 1.5"),
        ("steps/s, many runs at once", "steps_per_second", "steps_per_second_by_hand", "", ""),
    ]
    lines = []
    for title, *cells, goal in rows:
        shown = [f"{found[cell]:.2f}" if cell in found else cell for cell in cells]
        lines.append(f"{title:<28}" + "".join(f"{cell:>12}" for cell in shown) + f"   {goal}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=200)
    options = parser.parse_args()
    found = asyncio.run(measure(options.pairs, options.at_once))
    sys.stdout.write((json.dumps(found) if options.json else table(found)) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
    sys.stdout.flush()
    os._exit(0)
