"""`stanch undo`: take back what was changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.cli.ordering import Wanted
    from stanch.config import Config
    from stanch.contract import Accepted


@click.command()
@click.argument("run")
@click.option(
    "--to", "step", default="", metavar="STEP", help="Back to before this step.  [default: all of it]"
)
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def undo(run: str, step: str, reason: str, code: bool, as_json: bool) -> None:
    """Take back what a run has changed, in reverse.

    What is under way is stopped first. It ends before a step without a way back, and says why. A run that has
    ended is taken back by a new one, which asks the commander first. RUN as in `stanch show`.
    """
    from stanch.cli.console import out, out_json
    from stanch.cli.engine import with_engine
    from stanch.cli.ordering import Wanted
    from stanch.cli.safe import one_line
    from stanch.contract import Order

    wanted = Wanted(run, Order("undo", by="", step=step, reason=reason), code=code)
    said, accepted = with_engine(lambda client, config: _undo(client, config, wanted))
    if as_json:
        out_json(accepted)
    else:
        out(one_line(said))


async def _undo(client: Client, config: Config, wanted: Wanted) -> tuple[str, Accepted]:
    from stanch.cli.engine import whoami
    from stanch.cli.ordering import given
    from stanch.client import afterwards, runs
    from stanch.client.signing import signed

    handle = await runs.resolve(client, wanted.run)
    order = replace(wanted.order, by=whoami())
    accepted = await afterwards.undo(
        client, config, handle, order, lambda given, run: signed(given, run, 0.0)
    )
    return await given(client, wanted) if accepted is None else (accepted.message, accepted)
