"""`stanch retry`: try a step again, perhaps with other inputs."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--step", default="", metavar="PATH", help="Which step; needed unless only one is meant.")
@click.option(
    "-i", "--input", "given", multiple=True, metavar="NAME=VALUE", help="An input; repeat for more."
)
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def retry(run: str, step: str, given: tuple[str, ...], reason: str, code: bool, as_json: bool) -> None:
    """Try a step again that failed, perhaps with other inputs.

    With `-i` the run has these inputs from now on, and whatever was approved and is touched by them is asked
    again. A VALUE is read as in `stanch run`. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    give(
        Wanted(run, Order("retry", by="", step=step, reason=reason), inputs=given, code=code), as_json=as_json
    )
