"""`stanch decide`: what becomes of a step that failed, or of which nobody knows whether it was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from stanch.contract import Choice

CHOICES = ("retry", "skip", "undo", "done", "abort")


@click.command()
@click.argument("run")
@click.argument("choice", type=click.Choice(CHOICES))
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--digest", default="", help="Refuse if this is not (the beginning of) the request's digest.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def decide(run: str, choice: str, reason: str, request: str, digest: str, as_json: bool) -> None:
    """Say how a run goes on after a step failed or is in doubt.

    `retry` it, `skip` it, `undo` what was done, say that it is `done` after all, or `abort` the run. Which of
    them a request takes stands in `stanch show`. RUN as there.
    """
    from stanch.cli.answer import Answer, give

    give(Answer(run, cast("Choice", choice), request, digest, reason), as_json=as_json)
