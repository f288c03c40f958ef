"""`stanch skip`: go on without a step."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--step", default="", metavar="PATH", help="Which step; needed unless only one is meant.")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def skip(run: str, step: str, reason: str, code: bool, as_json: bool) -> None:
    """Go on without a step.

    It may be asked about, be kept back, wait, or its turn may be still to come; what acts at this moment is
    not skipped but aborted. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("skip", by="", step=step, reason=reason), code=code), as_json=as_json)
