"""How far one run is from Temporal's limits when it is large: a thousand targets, read and changed.

    python bench/large.py [--json] [--targets N]

One server, one worker with production's options; the activities answer at once with as many bytes as the
case says, cut to the room that each is given. Each case is one run from its start to its end; `view` is what
`stanch show` reads of it. The exit status is 1 when a run came nearer to a limit than half of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client

from activities.attempt.room import texts_within
from stanch.client.payloads import data_converter
from stanch.client.runs import decide, view
from stanch.client.start import Start, start_run
from stanch.config import Config, TemporalConfig
from stanch.contract import ACTIVITY_PAGE, ActionReport, ActionTask, Decision, PageTask
from stanch.language.plan import Approval, Call, Check, ForEach, Plan, Poll, Step
from tests.support.temporal import start_temporal
from worker import build_worker

KILOBYTE, MEGABYTE = 1000, 1_000_000
LIMITS = {"events": 51_200, "megabytes": 52.4, "at_once": 2000, "view_kilobytes": 2097}
"""Temporal's."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    step: Step
    printed: int
    """Bytes that each target prints."""


def cases() -> list[Case]:
    call = Call("ssh", {"hosts": ["${{ host }}"], "run": ["app", "${{ host }}"]}, one=True)
    read = Step("all", "Look at ${{ host }}", call=call, for_each=ForEach("host", "${{ inputs.hosts }}"))
    change = Step(
        "all",
        "Change ${{ host }}",
        effect="change",
        call=call,
        for_each=ForEach("host", "${{ inputs.hosts }}", (1, "10%", "100%")),
        approval=Approval(("incident_commander",)),
        done=Check(call, Poll("result.rc == 0", within=10)),
        undo=call,
    )
    return [
        Case("reads at once, 1 kB each", read, KILOBYTE),
        Case("reads at once, 100 kB each", read, 100 * KILOBYTE),
        Case("changes in batches 1, 10%, 100%", change, KILOBYTE),
    ]


class Bench:
    def __init__(self, client: Client, config: Config, targets: int) -> None:
        self.client, self.config = client, config
        self.hosts = [f"web{number:04}.example.org" for number in range(targets)]
        self.printed = 0

    def activities(self) -> list[Callable[..., Any]]:
        @activity.defn(name="ssh")
        async def answer(task: ActionTask) -> ActionReport:
            host = task.call.params["hosts"][0]
            result = {"host": host, "rc": 0, "stdout": "x" * self.printed, "stderr": ""}
            return ActionReport(texts_within(result, task.room)[0])

        @activity.defn(name=ACTIVITY_PAGE)
        async def page(_: PageTask) -> str:
            return "sent"

        return [answer, page]

    async def run(self, number: int, case: Case) -> dict[str, Any]:
        self.printed = case.printed
        plan = Plan("large", "Large", "maintenance", "sre", (case.step,), inputs={"hosts": {"type": "array"}})
        start = Start(plan, f"large-{number}", {"hosts": self.hosts}, started_by="bench")
        began = time.perf_counter()
        run = (await start_run(self.client, self.config, start)).run
        handle = self.client.get_workflow_handle(run)
        if case.step.approval:
            request = None
            while request is None:
                request = next(iter((await view(handle)).requests), None)
            await decide(handle, Decision(request.id, "approve", "alice", request.digest))
        await handle.result()
        seconds = time.perf_counter() - began
        seen = await view(handle)
        history = (await handle.fetch_history()).events
        (shown,) = await data_converter.encode([seen])
        return {
            "case": case.name,
            "targets": len(self.hosts),
            "seconds": round(seconds, 1),
            "events": len(history),
            "megabytes": round(sum(event.ByteSize() for event in history) / MEGABYTE, 2),
            "tasks": sum(event.HasField("workflow_task_completed_event_attributes") for event in history),
            "view_kilobytes": round(shown.ByteSize() / KILOBYTE),
            "at_once": _most_at_once(history),
        }


def _most_at_once(history: Any) -> int:
    """How many activities were pending together."""
    pending = most = 0
    for event in history:
        pending += event.HasField("activity_task_scheduled_event_attributes")
        pending -= event.HasField("activity_task_completed_event_attributes")
        most = max(most, pending)
    return most


async def measure(targets: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, start_temporal(Path(folder)) as server:
        client = await server.client()
        bench = Bench(client, Config(temporal=TemporalConfig(address=server.address)), targets)
        async with build_worker(client, bench.activities()):
            return [await bench.run(number, case) for number, case in enumerate(cases())]


def table(found: list[dict[str, Any]]) -> str:
    columns = ("case", "targets", "seconds", "events", "megabytes", "tasks", "at_once", "view_kilobytes")
    lines = [f"{'':<34}" + "".join(f"{name:>15}" for name in columns[1:])]
    lines += [f"{each['case']:<34}" + "".join(f"{each[name]:>15}" for name in columns[1:]) for each in found]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--targets", type=int, default=1000)
    options = parser.parse_args()
    found = asyncio.run(measure(options.targets))
    sys.stdout.write((json.dumps({"cases": found}) if options.json else table(found)) + "\n")
    return 1 if any(each[name] > most / 2 for each in found for name, most in LIMITS.items()) else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
