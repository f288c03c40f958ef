"""`stanch pause`: stop at the next safe point."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def pause(run: str, reason: str, code: bool, as_json: bool) -> None:
    """Pause a run: nothing new begins until `stanch resume`.

    What is under way ends as it would have; the time to answer a question stands still. Anybody may pause.
    RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("pause", by="", reason=reason), code=code), as_json=as_json)
