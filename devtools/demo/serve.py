"""The demo as one process: once everything listens a line says so, and it runs until told to stop."""

from __future__ import annotations

import errno
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devtools.demo import state
from devtools.demo.deploy import read_deployment
from devtools.demo.errors import DemoError
from devtools.demo.fleet import Fleet
from devtools.demo.load import Load
from devtools.demo.sshd import USER, Host, HostServer
from devtools.demo.state import StateFolder
from devtools.demo.strays import end_marked, mark
from devtools.demo.web import FleetServer

ADDRESS: Final = "127.0.0.1"
HOSTS: Final = ("web1", "web2", "web3")

_BACKLOG: Final = 128
# As a login gives it, not as the developer's terminal has it.
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Options:
    """`ssh_ports` are those of `HOSTS`; port 0 is any free one. `load`: requests a second."""

    state: Path
    http_port: int
    ssh_ports: tuple[int, ...]
    service: str
    fresh: bool
    load: float
    window_seconds: float
    stop_with_stdin: bool


def serve(options: Options) -> None:
    """Runs the demo until a signal or the end of stdin. Raises DemoError when it cannot start."""
    stops = _stops(with_stdin=options.stop_with_stdin)
    with ExitStack() as parts:
        folder = parts.enter_context(state.claimed(options.state))
        http, *ssh = _listen(options, parts)
        state.furnish(folder, options.service, HOSTS, fresh=options.fresh)
        ssh_ports = {name: _port(listener) for name, listener in zip(HOSTS, ssh, strict=True)}
        state.write_client_files(folder, ssh_ports, ADDRESS, USER)
        _start_hosts(folder, ssh, parts)
        _start_service(folder, options, http, parts)
        _announce(folder, options.service, _port(http), ssh_ports)
        _say(f"stops: {stops.get()}")


def _stops(*, with_stdin: bool) -> queue.SimpleQueue[str]:
    """Where the reason to stop will come from: a SimpleQueue, since a signal handler may put into it."""
    stops: queue.SimpleQueue[str] = queue.SimpleQueue()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stops.put(signal.Signals(received).name))
    if with_stdin:

        def read_to_end() -> None:
            # Below Python's buffers, whose lock would be held when the interpreter ends.
            while os.read(0, 4096):
                pass
            stops.put("the end of stdin")

        threading.Thread(target=read_to_end, name="stdin", daemon=True).start()
    return stops


def _listen(options: Options, parts: ExitStack) -> list[socket.socket]:
    """One listener for HTTP, then one a host. Every port that cannot be had is named, not only the first."""
    wanted = [(options.http_port, "--http-port"), *((port, "--ssh-ports") for port in options.ssh_ports)]
    listeners: list[socket.socket] = []
    problems: list[str] = []
    for port, option in wanted:
        try:
            listener = socket.create_server((ADDRESS, port), backlog=_BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                problem = f"port {port} is taken on {ADDRESS}"
            else:
                problem = f"cannot listen on port {port} of {ADDRESS}: {os.strerror(error.errno or 0)}"
            problems.append(f"{problem}; choose another with {option}")
        else:
            listeners.append(parts.enter_context(listener))
    if problems:
        raise DemoError("\n".join(problems))
    return listeners


def _start_hosts(folder: StateFolder, listeners: list[socket.socket], parts: ExitStack) -> None:
    marked = mark()
    servers: list[HostServer] = []
    parts.callback(end_marked, marked)
    parts.callback(_close_hosts, servers)
    client = state.client_key(folder)
    for name, listener in zip(HOSTS, listeners, strict=True):
        environment = _environment(folder, name) | marked
        host = Host(name, state.host_key(folder, name), client, folder.home(name), environment)
        server = HostServer(host, listener)
        server.start()
        servers.append(server)


def _close_hosts(servers: list[HostServer]) -> None:
    # All are told before any is waited for, or the hosts' times to end would add up.
    for server in servers:
        server.close()
    for server in servers:
        server.join()


def _environment(folder: StateFolder, name: str) -> dict[str, str]:
    return {
        "HOME": str(folder.home(name)),
        "LANG": "C.UTF-8",
        "LOGNAME": USER,
        "PATH": f"{folder.programs}:{_SYSTEM_PATH}",
        "SHELL": "/bin/sh",
        "STANCH_DEMO_HOST": name,
        "STANCH_DEMO_STATE": str(folder.root),
        "USER": USER,
    }


def _start_service(folder: StateFolder, options: Options, listener: socket.socket, parts: ExitStack) -> None:
    def release_of(host: str) -> str:
        return read_deployment(folder.host(host)).release

    fleet = Fleet(options.service, HOSTS, release_of, options.window_seconds, time.monotonic)
    server = FleetServer(listener, fleet)
    threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True).start()
    parts.callback(server.shutdown)
    if options.load:
        load = Load(ADDRESS, _port(listener), f"/{options.service}", options.load)
        load.start()
        parts.callback(load.stop)


def _announce(folder: StateFolder, service: str, http_port: int, ssh_ports: dict[str, int]) -> None:
    url = f"http://{ADDRESS}:{http_port}"
    ready = {
        "ready": True,
        "http": url,
        "ssh_config": str(folder.ssh_config),
        "hosts": list(ssh_ports),
        "ssh_ports": list(ssh_ports.values()),
        "service": service,
    }
    _say(f"{service} answers at {url}/{service}; its hosts at `ssh -F {folder.ssh_config} {HOSTS[0]}`")
    try:
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
    except OSError as error:
        raise DemoError(f"cannot say on stdout that the demo is ready: {error.strerror}") from error


def _say(text: str) -> None:
    sys.stderr.write(f"demo: {text}\n")
    sys.stderr.flush()


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port
