"""What `stanch up` starts, in order, and how it ends: nothing that it started is left, whatever happens.

    Temporal (unless an address is configured)  ->  the demo (if asked for)  ->  worker.py --gateway

They are taken down in the opposite order. A child that dies takes the others with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from stanch.cli.console import out, out_json, say
from stanch.cli.exits import DONE
from stanch.cli.gateway import Gateway
from stanch.cli.place import claimed, find_checkout, free_ports
from stanch.cli.program import Program, this_program
from stanch.cli.runbooks import shown, today
from stanch.client.child import Child, Command, start
from stanch.client.connect import connect
from stanch.client.embedded import Embedded, start_embedded
from stanch.config import Config, load_config
from stanch.errors import InvalidRunbook, Unreachable
from stanch.library import load_library

T = TypeVar("T")

WORKER_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """Port 0 is any free one; `gateway_port` None is the configured one, `state` None the checkout's."""

    demo: bool
    approve: bool
    state: Path | None
    temporal_port: int
    ui_port: int
    gateway_port: int | None
    demo_port: int
    ssh_ports: tuple[int, int, int]
    as_json: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are, once every port is known. `environment` is the children's."""

    home: Path
    state: Path
    config: Config
    environment: dict[str, str]
    embedded: Embedded | None
    demo_port: int
    ssh_ports: tuple[int, ...]
    gateway: Gateway

    @property
    def program(self) -> Program:
        """`stanch` as it has to be typed in another terminal, which lacks this one's environment."""
        needed = {"STANCH_TEMPORAL_ADDRESS", "STANCH_TEMPORAL_NAMESPACE"}
        bare = load_config(environ={name: held for name, held in os.environ.items() if name not in needed})
        environment = {}
        if self.config.address != bare.address:
            environment["STANCH_TEMPORAL_ADDRESS"] = self.config.address
        if self.config.temporal.namespace != bare.temporal.namespace:
            environment["STANCH_TEMPORAL_NAMESPACE"] = self.config.temporal.namespace
        return this_program(environment)


def bring_up(options: Options) -> int:
    """Start everything and stay until told to stop. Returns the exit status; raises StanchError."""
    home = find_checkout()
    with claimed(options.state or home / ".stanch") as state:
        place = _settle(options, home, state)
        _check_runbooks(place)
        return asyncio.run(_stay(options, place))


def _settle(options: Options, home: Path, state: Path) -> Place:
    """Decide every address. Raises Unreachable for ports that are taken."""
    config = load_config()
    gateway_port = config.gateway.port if options.gateway_port is None else options.gateway_port
    wanted = [("--gateway-port", gateway_port)]
    if not config.temporal.address:
        wanted += [("--temporal-port", options.temporal_port), ("--ui-port", options.ui_port)]
    if options.demo:
        wanted += [("--demo-port", options.demo_port), *(("--ssh-ports", port) for port in options.ssh_ports)]
    ports = iter(free_ports(wanted))
    gateway = replace(config.gateway, port=next(ports))
    environment = {**os.environ, "STANCH_GATEWAY_PORT": str(gateway.port)}
    embedded = None
    if not config.temporal.address:
        embedded = Embedded(state, next(ports), next(ports))
        environment |= {"STANCH_TEMPORAL_ADDRESS": embedded.address, "STANCH_TEMPORAL_UI": embedded.ui}
    if config.evidence_path is None:
        environment["STANCH_EVIDENCE_PATH"] = str(state / "evidence")
    if options.demo:
        environment["STANCH_SSH_CONFIG_FILE"] = str(state / "demo" / "ssh_config")
        environment["STANCH_RUNBOOKS"] = json.dumps([str(home / "runbooks")])
    rest = tuple(ports)
    return Place(
        home=home,
        state=state,
        config=load_config(environ=environment),
        environment=environment,
        embedded=embedded,
        demo_port=rest[0] if rest else 0,
        ssh_ports=rest[1:],
        gateway=Gateway(gateway),
    )


def _check_runbooks(place: Place) -> None:
    """A gateway with a broken runbook never gets ready: say so before anything is started."""
    if broken := load_library(place.config.runbooks, today()).broken:
        raise InvalidRunbook(f"{', '.join(f'`{path}`' for path in broken)} has errors; see `stanch check`")


async def _stay(options: Options, place: Place) -> int:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGTERM):
        # `nohup` says that a hangup is to be ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, told_to_stop.set)
    work = asyncio.create_task(_work(options, place))
    stop = asyncio.create_task(told_to_stop.wait())
    try:
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else DONE
    finally:
        # Ctrl-C arrives here as the cancellation of this task.
        if not work.done():
            say("stopping")
        stop.cancel()
        work.cancel()
        await asyncio.wait({work})


async def _work(options: Options, place: Place) -> int:
    async with AsyncExitStack() as running:
        children: list[Child] = []

        async def keep(name: str, starting: Coroutine[None, None, Child]) -> Child:
            say(f"starting {name}")
            child = await starting
            running.push_async_callback(child.stop)
            children.append(child)
            return child

        if place.embedded:
            await keep("Temporal", start_embedded(place.embedded))
        else:
            await connect(place.config)
        if options.demo:
            from stanch.cli import demo

            service = await keep("the demo: a service and its three hosts", demo.start_demo(place))
            episode = await while_alive(children, demo.begin(place, service))
        worker = await keep("worker and gateway", _start_worker(place))
        await while_alive(children, place.gateway.ready(WORKER_PATIENCE))
        _announce(options, place, worker)
        if options.demo:
            status = await while_alive(children, demo.show(place, options, episode))
            if options.approve:
                return status
        say("everything stays up; Ctrl-C stops it")
        return await while_alive(children, _for_ever())


async def while_alive(children: Iterable[Child], work: Coroutine[None, None, T]) -> T:
    """The result of `work`. Raises Unreachable as soon as one of the children has died."""
    doing = asyncio.create_task(work)
    deaths = {asyncio.create_task(child.wait()): child for child in children}
    try:
        await asyncio.wait({doing, *deaths}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise Unreachable("; ".join(child.epitaph() for death, child in deaths.items() if death.done()))
    finally:
        for task in (doing, *deaths):
            task.cancel()
        await asyncio.wait({doing})


async def _for_ever() -> int:
    await asyncio.Event().wait()
    return DONE


async def _start_worker(place: Place) -> Child:
    arguments = [sys.executable, str(place.home / "worker.py"), "--gateway", "--stop-with-stdin"]
    log = place.state / "log" / "worker.log"
    return await start(Command("the worker", arguments, log, place.environment))


def _announce(options: Options, place: Place, worker: Child) -> None:
    if options.as_json:
        where = {
            "temporal": place.config.address,
            "ui": place.config.temporal.ui,
            "gateway": place.gateway.url,
            "state": str(place.state),
        }
        out_json({"event": "up", **where}, compact=True)
        return
    out(f"Temporal Web UI  {place.config.temporal.ui}")
    out(f"Gateway          {place.gateway.url}  (alerts: POST /alerts/alertmanager)")
    out(f"Temporal         {place.config.address}")
    out(f"Logs             {shown(worker.log.parent)}")
