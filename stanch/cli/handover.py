"""`stanch handover`: somebody else has a role from now on."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--to", required=True, metavar="PERSON", help="Who holds it from now on.")
@click.option("--role", default="incident_commander", show_default=True, help="Which role.")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def handover(run: str, to: str, role: str, reason: str, code: bool, as_json: bool) -> None:
    """Hand a role over: its open questions are theirs now.

    They are paged; a decision of who held it before is refused from then on. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("handover", by="", role=role, to=to, reason=reason), code=code), as_json=as_json)
