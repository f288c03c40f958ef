"""The composition root: the one file that knows workflows and activities.

    python worker.py [--gateway | --zone NAME] [--config FILE] [--stop-with-stdin]

With `--gateway` the HTTP gateway runs in the same process, so that an alert's first step starts without a
detour over the network. With `--zone` it carries out the actions of that zone, and nothing else. Stops on
SIGINT and SIGTERM, or (`--stop-with-stdin`) when its parent goes away.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.action import Action
from activities.ansible.action import AnsibleAction
from activities.attempt.keeping import Keeper
from activities.attempt.perform import action_activities
from activities.aws import Aws
from activities.command import Command
from activities.dns import Dns
from activities.file import File
from activities.flag import Flag
from activities.haproxy import Haproxy
from activities.http import Http
from activities.incident import ended_runs, join_incident, tell_run
from activities.kubernetes import Kubernetes
from activities.lease import ask_lease, look_at_holders
from activities.logs import Logs
from activities.notify import Notify
from activities.page import Pager
from activities.page_out import PageOut
from activities.pipeline import Pipeline
from activities.postgres import Postgres
from activities.prometheus.action import Prometheus
from activities.pull_request import PullRequest
from activities.redis import Redis
from activities.release import Release
from activities.secrets import Secrets
from activities.silence import Silence
from activities.sql import Sql
from activities.ssh import SshAction
from activities.systemd import Systemd
from activities.systems import Systems
from activities.tcp import Tcp
from activities.ticket import Ticket
from activities.tls import Tls
from stanch import __version__
from stanch.client.connect import connect, ensure_search_attributes
from stanch.client.runner import workflow_runner
from stanch.config import Config, TemporalConfig, load_config
from stanch.contract.names import zone_queue
from stanch.errors import EngineUnavailable, InvalidInput, StanchError
from stanch.evidence import Evidence
from workflows.incident import IncidentWorkflow
from workflows.lease import LeaseWorkflow
from workflows.runbook import RunbookWorkflow

log = logging.getLogger("stanch.worker")

WORKFLOWS: tuple[type, ...] = (RunbookWorkflow, IncidentWorkflow, LeaseWorkflow)


def actions(config: Config, secrets: Secrets) -> tuple[Action, ...]:
    """Every action this worker can carry out."""
    systems = Systems(config.systems, secrets)
    ssh = SshAction(config_file=config.ssh_config_file, pass_phrases=config.ssh_pass_phrases)
    return (
        AnsibleAction(project=config.ansible_project, ssh_config=config.ssh_config_file),
        Aws(systems),
        Command(config.command.programs, config.command.environment, config.command.directory),
        Dns(systems),
        File(ssh),
        Flag(systems),
        Haproxy(systems),
        Http(),
        Kubernetes(systems),
        Logs(systems),
        Notify(systems),
        PageOut(systems, config.pagers, secrets),
        Pipeline(systems),
        Postgres(systems),
        Prometheus(server=config.prometheus_url),
        PullRequest(systems, ssh=config.ssh_config_file),
        Redis(systems),
        Release(ssh),
        Silence(systems),
        Sql(systems),
        ssh,
        Systemd(ssh),
        Tcp(),
        Ticket(systems),
        Tls(),
    )


def activities_of(known: Sequence[Action], config: Config, secrets: Secrets) -> list[Callable[..., Any]]:
    """Every activity that workflows may ask for."""
    keeper = Keeper(Evidence(config.evidence), config.evidence_limit)
    return [
        *action_activities(known, keeper, secrets=secrets),
        Pager(config.pagers, secrets).page,
        tell_run,
        join_incident,
        ended_runs,
        ask_lease,
        look_at_holders,
    ]


def deployment(temporal: TemporalConfig) -> WorkerDeploymentConfig | None:
    """What this worker tells Temporal of its build; None where no deployment is configured.

    Runs go on under the build that is current, whichever they began with (docs/adr/0014).
    """
    if not temporal.deployment:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(temporal.deployment, temporal.build or __version__),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def build_worker(
    client: Client,
    activities: Sequence[Callable[..., Any]],
    deployed: WorkerDeploymentConfig | None = None,
    zone: str = "",
) -> Worker:
    return Worker(
        client,
        task_queue=zone_queue(zone),
        workflows=[] if zone else list(WORKFLOWS),
        activities=activities,
        workflow_runner=workflow_runner(sandboxed=False),
        deployment_config=deployed,
        max_cached_workflows=4000,
        max_concurrent_activities=200,
        # How fast another worker takes over a run whose worker died, and how fast a cancelled action hears
        # of it: by default 10 s, and 80 % of the heartbeat time-out.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=5),
    )


async def serve(config: Config, *, gateway: bool, stop: asyncio.Event, zone: str = "") -> None:
    """Work until `stop` is set. Raises StanchError when it cannot begin."""
    client = await connect(config, patience=30.0)
    await ensure_search_attributes(client)
    secrets = Secrets(config.systems)
    known = actions(config, secrets)
    try:
        # Runs belong to a build and actions to none, so a zone's workers need not change with the others.
        deployed = None if zone else deployment(config.temporal)
        async with build_worker(client, activities_of(known, config, secrets), deployed, zone):
            told = f", build {deployed.version.to_canonical_string()}" if deployed else ""
            log.info("worker on task queue %s at %s%s", zone_queue(zone), config.address, told)
            await (_serve_gateway(config, client, stop) if gateway else stop.wait())
    finally:
        await asyncio.gather(*(action.close() for action in known), secrets.close())


async def _serve_gateway(config: Config, client: Client, stop: asyncio.Event) -> None:
    # A worker without a gateway needs no web server in memory.
    from stanch.gateway.app import serve as serve_gateway  # noqa: PLC0415
    from stanch.shelf import Shelf  # noqa: PLC0415

    shelf = Shelf.read(config.runbooks)
    # Whether a new run is this build's is for Temporal to say, where builds are told apart.
    eager = not config.temporal.deployment
    await serve_gateway(config, client, shelf, eager=eager, stop=stop)


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
        await serve(config, gateway=arguments.gateway, stop=stop, zone=arguments.zone or "")
    except StanchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 3 if isinstance(error, EngineUnavailable) else 2 if isinstance(error, InvalidInput) else 1
    return 0


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _zone(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name):
        raise argparse.ArgumentTypeError(f"`{name}` is no name of small letters, digits and `-`")
    return name


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="worker.py", description="Stanch's worker, with or without gateway."
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--gateway", action="store_true", help="serve the HTTP gateway in this process too")
    part.add_argument(
        "--zone", type=_zone, metavar="NAME", help="do the actions of this zone, and nothing else"
    )
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
