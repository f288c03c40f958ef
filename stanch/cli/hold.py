"""`stanch hold`: no change begins."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def hold(run: str, reason: str, code: bool, as_json: bool) -> None:
    """Hold fire: no change begins in a run, while diagnosis goes on.

    What is under way ends as it would have. Anybody may hold; for all runs of an incident there is
    `stanch incident hold`. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("hold", by="", reason=reason), code=code), as_json=as_json)
