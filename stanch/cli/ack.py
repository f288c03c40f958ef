"""`stanch ack`: I am looking at it."""

from __future__ import annotations

import click


@click.command("ack")
@click.argument("run")
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def ack(run: str, request: str, code: bool, as_json: bool) -> None:
    """Say that you have seen what is asked and are looking.

    Nobody else is paged for a while; it is no answer. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("acknowledge", by="", request=request), code=code), as_json=as_json)
