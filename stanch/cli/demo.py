"""`stanch up --demo`: a service whose newer release is bad, the alert that it deserves, the run that helps.

Every start is a new episode: the hosts are put back on the bad release, so a run that an earlier demo has
left open has lost its world, and is ended before the worker could go on with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from temporalio.service import RPCError, RPCStatusCode

from stanch.cli.console import out, say
from stanch.cli.safe import one_line
from stanch.cli.watcher import shown_to_its_end
from stanch.client import runs
from stanch.client.child import Child, Command, start
from stanch.client.connect import connect
from stanch.client.start import run_id
from stanch.contract import Decision, Request, RunView
from stanch.errors import ActionRefused, EngineUnavailable, Unreachable
from stanch.language.plan import Json

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.cli.stack import Options, Place

RUNBOOK = "rollback-release"
APPROVER = "demo"
_PATIENCE = 30.0
_READING = 1.0
"""Seconds that `--approve` leaves the question open, so that the account of time has something to show."""
_BAD_ENOUGH = 0.1
"""Share of failing requests from which the runbook has something to do."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A demo that fails its customers: where, which service, and what Alertmanager would send about it."""

    url: str
    service: str
    delivery: Json


async def start_demo(place: Place) -> Child:
    arguments = [sys.executable, "-m", "devtools.demo", "serve", "--state", str(place.state / "demo")]
    arguments += ["--http-port", str(place.demo_port), "--ssh-ports", ",".join(map(str, place.ssh_ports))]
    arguments += ["--fresh", "--stop-with-stdin"]
    return await start(Command("the demo", arguments, place.state / "log" / "demo.log", cwd=place.home))


async def begin(place: Place, service: Child) -> Episode:
    """Returns when its customers feel the bad release, and no earlier demo's run is open."""
    try:
        ready = json.loads(await asyncio.wait_for(asyncio.shield(service.first_line), _PATIENCE))
    except TimeoutError as error:
        raise Unreachable(f"the demo is not ready within {_PATIENCE:g} s (log: {service.log})") from error
    episode = Episode(ready["http"], ready["service"], await _delivery(place, ready["http"]))
    await _forget_earlier(place, episode)
    deadline = time.monotonic() + _PATIENCE
    while (await _health(episode))["error_rate"] < _BAD_ENOUGH:
        if time.monotonic() > deadline:
            raise Unreachable(
                f"the demo's service at {episode.url} does not fail, so there is nothing to show"
            )
        await asyncio.sleep(0.1)
    return episode


async def show(place: Place, options: Options, episode: Episode) -> int:
    """Deliver the alert, and follow the run that it starts; the exit status of that."""
    client = await connect(place.config)
    before = await _health(episode)
    say(f"{before['error_rate']:.0%} of the requests to {episode.service} fail; delivering the alert")
    receipt = await place.gateway.deliver(episode.delivery)
    started = next((one for one in receipt["runs"] if one["runbook"] == RUNBOOK), None)
    if started is None:
        reasons = "; ".join(problem["reason"] for problem in receipt["problems"]) or "it does not want it"
        raise ActionRefused(f"the alert did not start `{RUNBOOK}`: {reasons}")
    if not options.as_json:
        out(f"Run              {one_line(started['run'])}")
        out(f"                 {one_line(started['url'])}")
        out("")
    handle = client.get_workflow_handle(started["run"])

    async def answer(_: RunView, request: Request) -> None:
        if "approve" not in request.choices:
            raise ActionRefused(f"the run asks what `--approve` cannot answer: {request.question}")
        await asyncio.sleep(_READING)
        say(f"approving as `{APPROVER}`, because of --approve")
        decision = Decision(request.id, "approve", APPROVER, request.digest, "unattended demo")
        await runs.decide(handle, decision)

    status = await shown_to_its_end(
        handle, as_json=options.as_json, program=place.program, answer=answer if options.approve else None
    )
    after = await _health(episode)
    releases = ", ".join(f"{one['host']} {one['release']}" for one in after["instances"])
    say(f"\n{after['error_rate']:.0%} of the requests to {episode.service} fail now; {releases}")
    return status


async def _delivery(place: Place, url: str) -> Json:
    """What Alertmanager would send about the service at `url`, in the demo's own words."""
    arguments = [sys.executable, "-m", "devtools.demo", "alert"]
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=place.home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complaint = await process.communicate()
    if process.returncode:
        raise Unreachable(f"the demo's alert cannot be made: {complaint.decode(errors='replace').strip()}")
    delivery = json.loads(printed)
    # As a rule's annotation would, where the service does not listen on the port that the runbook assumes.
    for told in (delivery["commonAnnotations"], *(alert["annotations"] for alert in delivery["alerts"])):
        told["health_url"] = f"{url}/health"
    return delivery


async def _forget_earlier(place: Place, episode: Episode) -> None:
    client = await connect(place.config)
    for alert in episode.delivery["alerts"]:
        await _end(client, run_id(RUNBOOK, alert["fingerprint"]))


async def _end(client: Client, run: str) -> None:
    try:
        await client.get_workflow_handle(run).terminate(
            "a new demo starts; the hosts of this one were put back"
        )
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise EngineUnavailable(
                f"cannot end the run `{run}` of an earlier demo: {error.message}"
            ) from error
    else:
        say(f"ended {run}, which an earlier demo had left open")


async def _health(episode: Episode) -> Json:
    async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
        try:
            answer = await client.get(f"{episode.url}/health")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise Unreachable(f"the demo's service at {episode.url} does not answer: {error}") from error
    return answer.json()
