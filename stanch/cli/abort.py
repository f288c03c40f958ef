"""`stanch abort`: end a run at the next safe point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.contract import Accepted


@click.command()
@click.argument("run")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def abort(run: str, reason: str, code: bool, as_json: bool) -> None:
    """End a run at the next safe point; what it changed stays.

    RUN as in `stanch show`.
    """
    from stanch.cli.console import out, out_json
    from stanch.cli.engine import with_engine
    from stanch.cli.safe import one_line

    accepted = with_engine(lambda client, _: _aborted(client, run, reason, code))
    if as_json:
        out_json(accepted)
    else:
        out(one_line(accepted.message))


async def _aborted(client: Client, run: str, reason: str, code: bool) -> Accepted:
    from stanch.cli.engine import whoami
    from stanch.cli.sending import send
    from stanch.client import runs
    from stanch.contract import Abort

    handle = await runs.resolve(client, run)
    view = await runs.view(handle)
    order = Abort(by=whoami(), reason=reason)
    return await send(order, view.run, view.started, lambda made: runs.abort(handle, made), code=code)
