"""`stanch resume`: go on."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--reason", default="", help="Why, for the timeline.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def resume(run: str, reason: str, code: bool, as_json: bool) -> None:
    """Let a paused run go on where it is.

    RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("resume", by="", reason=reason), code=code), as_json=as_json)
