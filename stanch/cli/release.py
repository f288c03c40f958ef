"""`stanch release`: changes may begin again."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--reason", default="", help="Why, for the timeline.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def release(run: str, reason: str, code: bool, as_json: bool) -> None:
    """End the hold of a run: changes may begin again.

    What an incident holds, `stanch incident release` lets go. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("release", by="", reason=reason), code=code), as_json=as_json)
