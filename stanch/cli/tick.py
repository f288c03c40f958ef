"""`stanch tick`: lines of a checklist are done."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.argument("lines", nargs=-1, required=True, type=int, metavar="LINE...")
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def tick(run: str, lines: tuple[int, ...], request: str, code: bool, as_json: bool) -> None:
    """Say which lines of a checklist are done.

    LINE is its number in `stanch show`; each is recorded with your name. RUN as there.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(Wanted(run, Order("tick", by="", request=request), lines=lines, code=code), as_json=as_json)
