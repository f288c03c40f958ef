"""The demo as a child process, for tests and for whoever else wants one around for a while."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]

_STARTS_WITHIN: Final = 20.0
_STOPS_WITHIN: Final = 5.0


class DidNotStart(Exception):
    """The demo ended, or said nothing in time; the text is what it said on stderr."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that listens. `ssh_ports` are in the order of `hosts`."""

    process: subprocess.Popen[str]
    state: Path
    http: str
    ssh_config: Path
    hosts: tuple[str, ...]
    ssh_ports: tuple[int, ...]
    service: str


def command(state: Path, *options: str) -> list[str]:
    """The argv that runs a demo on free ports; later `options` win over the ports."""
    serve = [sys.executable, "-m", "devtools.demo", "serve", "--state", str(state)]
    return [*serve, "--http-port", "0", "--ssh-ports", "0", *options]


@contextlib.contextmanager
def running_demo(state: Path, *options: str) -> Iterator[Demo]:
    """Runs a demo on free ports for as long as the context lasts. It stops, too, if this process dies."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command(state, "--stop-with-stdin", *options),
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            yield _ready(process, state, said)
        finally:
            _stop(process)


def _ready(process: subprocess.Popen[str], state: Path, said: IO[str]) -> Demo:
    line = ""
    if process.stdout and select.select([process.stdout], [], [], _STARTS_WITHIN)[0]:
        line = process.stdout.readline()
    if not line:
        said.seek(0)
        raise DidNotStart(said.read().strip() or f"the demo said nothing for {_STARTS_WITHIN:.0f} s")
    ready = json.loads(line)
    return Demo(
        process=process,
        state=state,
        http=str(ready["http"]),
        ssh_config=Path(ready["ssh_config"]),
        hosts=tuple(ready["hosts"]),
        ssh_ports=tuple(ready["ssh_ports"]),
        service=str(ready["service"]),
    )


def _stop(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
