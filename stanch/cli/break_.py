"""`stanch break`: take a lease from the run that holds it."""

from __future__ import annotations

import click


@click.command(name="break")
@click.argument("run")
@click.argument("name")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def break_(run: str, name: str, reason: str, code: bool, as_json: bool) -> None:
    """Take a lease from the run that holds it.

    The next in the queue gets it. The run changes nothing any more, and takes nothing back, until `stanch
    release` lets it queue for the lease again. What is under way there is not stopped. `stanch leases` says
    who holds what. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("break", by="", reason=reason, lease=name), code=code), as_json=as_json)
