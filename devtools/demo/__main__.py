"""`python -m devtools.demo`: run the demo, or print the alert that it deserves."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from devtools.demo.alert import webhook
from devtools.demo.errors import DemoError
from devtools.demo.web import HEALTH, METRICS

_HOSTS = 3


def _ports(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    """A port for each host, with commas between; `0` alone is any free port for each."""
    texts = ["0"] * _HOSTS if text == "0" else text.split(",")
    ports = [int(port) if port.isdecimal() else -1 for port in texts]
    if len(ports) != _HOSTS or not all(0 <= port <= 65535 for port in ports):
        raise click.BadParameter(f"`{text}` is not {_HOSTS} ports with commas between, one a host")
    return tuple(ports)


def _service_name(_: click.Context, __: click.Parameter, text: str) -> str:
    """A service's name, which is also its path."""
    if not re.fullmatch("[a-z][a-z0-9-]*", text):
        raise click.BadParameter(f"`{text}` is not a name of small letters, digits and hyphens")
    if f"/{text}" in {HEALTH, METRICS}:
        raise click.BadParameter(f"`/{text}` is a path of the demo itself")
    return text


_service = click.option(
    "--service",
    callback=_service_name,
    default="checkout",
    show_default=True,
    help="What the service is called.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The demo: a service whose newer release is bad, and the three hosts it runs on."""


@main.command("serve")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="Folder for keys and releases.")
@click.option("--http-port", type=click.IntRange(0, 65535), default=8480, show_default=True)
@click.option(
    "--ssh-ports", callback=_ports, default="2201,2202,2203", show_default=True, help="0: any free."
)
@_service
@click.option("--fresh", is_flag=True, help="Put every host back on the newer, failing release.")
@click.option("--load", type=click.FloatRange(0, 1000), default=40, show_default=True, help="Requests/s.")
@click.option(
    "--window",
    type=click.FloatRange(0, min_open=True),
    default=5,
    show_default=True,
    help="Seconds that the error rate looks back.",
)
@click.option("--stop-with-stdin", is_flag=True, help="Stop at the end of stdin, as when the parent dies.")
def serve_command(
    state: Path,
    http_port: int,
    ssh_ports: tuple[int, ...],
    service: str,
    fresh: bool,
    load: float,
    window: float,
    stop_with_stdin: bool,
) -> None:
    """Run it until Ctrl-C. One JSON line on stdout says when everything listens, and where."""
    from devtools.demo.serve import Options, serve  # noqa: PLC0415 - `alert` needs no SSH library

    try:
        serve(Options(state, http_port, ssh_ports, service, fresh, load, window, stop_with_stdin))
    except DemoError as error:
        click.echo(error, err=True)
        sys.exit(3)


@main.command("alert")
@click.option("--status", type=click.Choice(["firing", "resolved"]), default="firing", show_default=True)
@_service
@click.option(
    "--starts-at",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"]),
    help="When the alert began, with a zone.  [default: now]",
)
def alert_command(status: str, service: str, starts_at: datetime | None) -> None:
    """Print the delivery that Alertmanager would make for the demo's service."""
    now = datetime.now(UTC)
    body = webhook(starts_at or now, now if status == "resolved" else None, service=service)
    click.echo(json.dumps(body))


if __name__ == "__main__":
    main(prog_name="python -m devtools.demo")
