"""`stanch show`: one run in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.contract import RunView


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def show(run: str, as_json: bool) -> None:
    """Show one run: open questions, steps, changes, timeline.

    RUN is a run's id, the id without `run/`, or an unambiguous part of it.
    """
    import sys
    import time

    from stanch.cli.console import coloured, columns, out, out_json
    from stanch.cli.engine import with_engine
    from stanch.cli.program import this_program
    from stanch.cli.render_run import render_run
    from stanch.cli.style import Style

    seen = with_engine(lambda client, _: _view(client, run))
    if as_json:
        out_json(seen)
    else:
        out(render_run(seen, this_program(), time.time(), Style(coloured(sys.stdout), columns(sys.stdout))))


async def _view(client: Client, run: str) -> RunView:
    from stanch.client.runs import resolve, settled, view

    handle = await resolve(client, run)
    return await settled(handle, await view(handle))
