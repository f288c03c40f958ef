"""`stanch withdraw`: take back one's own decision."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def withdraw(run: str, request: str, reason: str, code: bool, as_json: bool) -> None:
    """Withdraw your decision, as long as nothing came of it.

    RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("withdraw", by="", request=request, reason=reason), code=code), as_json=as_json)
