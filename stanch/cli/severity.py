"""`stanch severity`: it is worse, or better, than it was."""

from __future__ import annotations

import click

from stanch.cli.run import SEVERITIES


@click.command()
@click.argument("run")
@click.option("--to", required=True, type=click.Choice(SEVERITIES, case_sensitive=False), help="The new one.")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def severity(run: str, to: str, reason: str, code: bool, as_json: bool) -> None:
    """Change the severity of a run.

    Open questions are looked at again, and climb as that severity says. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("severity", by="", to=to.upper(), reason=reason), code=code), as_json=as_json)
