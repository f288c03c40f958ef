"""`stanch show`: one run in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.contract import RunView
    from stanch.language.plan import Plan


@click.command()
@click.argument("run")
@click.option("--diff", is_flag=True, help="Only how its plan differs from its runbook today.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def show(run: str, diff: bool, as_json: bool) -> int:
    """Show one run: open questions, steps, changes, timeline.

    A run executes the plan that it started with. With --diff the status is 0
    if its runbook compiles to the same plan today, and 1 if not. RUN is a
    run's id, the id without `run/`, or an unambiguous part of it.
    """
    import sys
    import time

    from stanch.cli.console import coloured, columns, out, out_json
    from stanch.cli.engine import with_engine
    from stanch.cli.program import this_program
    from stanch.cli.render_run import render_run
    from stanch.cli.style import Style

    if diff:
        from stanch.cli.pinned import compare, show_compared
        from stanch.config import load_config

        of, plan = with_engine(lambda client, _: _plan(client, run))
        return show_compared(compare(of, plan, load_config().runbooks), as_json=as_json)
    seen = with_engine(lambda client, _: _view(client, run))
    if as_json:
        out_json(seen)
    else:
        out(render_run(seen, this_program(), time.time(), Style(coloured(sys.stdout), columns(sys.stdout))))
    return 0


async def _view(client: Client, run: str) -> RunView:
    from stanch.client.runs import resolve, settled, view

    handle = await resolve(client, run)
    return await settled(handle, await view(handle))


async def _plan(client: Client, run: str) -> tuple[str, Plan]:
    from stanch.client.runs import plan, resolve

    handle = await resolve(client, run)
    return handle.id, await plan(handle)
