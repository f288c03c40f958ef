"""`stanch up`: everything on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class Port(click.ParamType[int]):
    """A TCP port; 0 is any free one."""

    name = "PORT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not text.isdecimal() or int(text) > 65535:
            self.fail(f"`{text}` is not a port, 0 to 65535", param, ctx)
        return int(text)


class SshPorts(click.ParamType[tuple[int, ...]]):
    """Three ports with commas between them; `0` alone is any free port for each."""

    name = "A,B,C"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        texts = ["0"] * 3 if value == "0" else str(value).split(",")
        if len(texts) != 3:
            self.fail(f"`{value}` is not three ports with commas between them", param, ctx)
        return tuple(Port().convert(text, param, ctx) for text in texts)


@click.command()
@click.option(
    "--demo", is_flag=True, help="Also a service with a bad release, and the alert that it deserves."
)
@click.option(
    "--approve", is_flag=True, help="With --demo: approve what it asks for, and end when it has ended."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="Folder for database, logs and evidence.  [default: .stanch]",
)
@click.option(
    "--temporal-port",
    type=Port(),
    default=7233,
    show_default=True,
    help="Of Temporal; 0, here and below, is any free one.",
)
@click.option("--ui-port", type=Port(), default=8233, show_default=True, help="Of the Temporal Web UI.")
@click.option(
    "--gateway-port",
    type=Port(),
    help="Where alerts are taken.  [default: as configured, 8484]",
)
@click.option("--demo-port", type=Port(), default=8480, show_default=True, help="Of the demo's service.")
@click.option(
    "--ssh-ports", type=SshPorts(), default="2201,2202,2203", show_default=True, help="Of its hosts."
)
@click.option("--json", "as_json", is_flag=True, help="Where everything is, as JSON, when it is up.")
def up(**given: Any) -> int:
    """Start Temporal, worker and gateway on this machine.

    Temporal is embedded unless an address is configured (STANCH_TEMPORAL_ADDRESS). Ctrl-C stops all of it;
    runs that are open go on at the next start. With --demo, an alert as Alertmanager sends it starts
    `rollback-release` for a service on three hosts.
    """
    if given["approve"] and not given["demo"]:
        raise click.UsageError("`--approve` answers the demo's question; it needs `--demo`")
    from stanch.cli.stack import Options, bring_up

    return bring_up(Options(**given))
