"""`stanch undo`: take back what was changed."""

from __future__ import annotations

import click


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

    What is under way is stopped first. It ends before a step without a way back, and says why. RUN as in
    `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("undo", by="", step=step, reason=reason), code=code), as_json=as_json)
