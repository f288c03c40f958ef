"""The composition root: the one file that knows workflows and activities.

    python worker.py [--gateway] [--config FILE] [--stop-with-stdin]

With `--gateway` the HTTP gateway runs in the same process, so that an alert's first step starts without a
detour over the network. Stops on SIGINT and SIGTERM, or (`--stop-with-stdin`) when its parent goes away.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from activities.action import Action
from activities.ansible import AnsibleAction
from activities.http import Http
from activities.incident import join_incident, tell_run
from activities.keeping import Keeper
from activities.page import Pager
from activities.perform import action_activities
from activities.prometheus import Prometheus
from activities.ssh import SshAction
from stanch.client.connect import connect, ensure_search_attributes
from stanch.client.runner import workflow_runner
from stanch.config import Config, load_config
from stanch.contract import TASK_QUEUE
from stanch.errors import EngineUnavailable, InvalidInput, StanchError
from stanch.evidence import Evidence
from workflows.incident import IncidentWorkflow
from workflows.runbook import RunbookWorkflow

log = logging.getLogger("stanch.worker")

WORKFLOWS: tuple[type, ...] = (RunbookWorkflow, IncidentWorkflow)


def actions(config: Config) -> tuple[Action, ...]:
    """Every action this worker can carry out."""
    return (
        AnsibleAction(project=config.ansible_project, ssh_config=config.ssh_config_file),
        Http(),
        Prometheus(server=config.prometheus_url),
        SshAction(config_file=config.ssh_config_file),
    )


def activities_of(known: Sequence[Action], config: Config) -> list[Callable[..., Any]]:
    """Every activity that workflows may ask for."""
    keeper = Keeper(Evidence(config.evidence), config.evidence_limit)
    return [*action_activities(known, keeper), Pager(config.pagers).page, tell_run, join_incident]


def build_worker(client: Client, activities: Sequence[Callable[..., Any]]) -> Worker:
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=list(WORKFLOWS),
        activities=activities,
        workflow_runner=workflow_runner(sandboxed=False),
        max_cached_workflows=4000,
        max_concurrent_activities=200,
        # How fast another worker takes over a run whose worker died, and how fast a cancelled action hears
        # of it: by default 10 s, and 80 % of the heartbeat time-out.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


async def serve(config: Config, *, gateway: bool, stop: asyncio.Event) -> None:
    """Work until `stop` is set. Raises StanchError when it cannot begin."""
    client = await connect(config, patience=30.0)
    await ensure_search_attributes(client)
    known = actions(config)
    try:
        async with build_worker(client, activities_of(known, config)):
            log.info("worker on task queue %s at %s", TASK_QUEUE, config.address)
            await (_serve_gateway(config, client, stop) if gateway else stop.wait())
    finally:
        await asyncio.gather(*(action.close() for action in known))


async def _serve_gateway(config: Config, client: Client, stop: asyncio.Event) -> None:
    # A worker without a gateway needs no web server in memory.
    from stanch.gateway.app import serve as serve_gateway  # noqa: PLC0415
    from stanch.library import load_library  # noqa: PLC0415

    library = load_library(config.runbooks, datetime.now(UTC).date())
    await serve_gateway(config, client, library, eager=True, stop=stop)


async def run(arguments: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if arguments.stop_with_stdin:
        # A daemon: an executor's thread that reads for ever would hold up the end of the loop.
        threading.Thread(target=_wait_for_end_of_stdin, args=(loop, stop), daemon=True).start()
    try:
        config = load_config(arguments.config)
        await serve(config, gateway=arguments.gateway, stop=stop)
    except StanchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 3 if isinstance(error, EngineUnavailable) else 2 if isinstance(error, InvalidInput) else 1
    return 0


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="worker.py", description="Stanch's worker, with or without gateway."
    )
    parser.add_argument("--gateway", action="store_true", help="serve the HTTP gateway in this process too")
    parser.add_argument("--config", type=Path, help="configuration file (default: stanch.yaml)")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop at the end of standard input")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    return asyncio.run(run(parser.parse_args(argv)))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A process that used the Temporal client may abort in the interpreter's own exit; see stanch.cli too.
    os._exit(status)
