"""`stanch decide`: every answer that is no approval, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from stanch.contract import Choice

CHOICES = ("done", "fail", "answer", "retry", "skip", "undo", "abort")


@click.command()
@click.argument("run")
@click.argument("choice", type=click.Choice(CHOICES))
@click.option("--reason", default="", help="Why; it is kept. Needed but for `answer`, and `done` by hand.")
@click.option(
    "--value", "values", multiple=True, metavar="NAME=VALUE", help="Of an `answer`; repeat for more."
)
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--digest", default="", help="Refuse if this is not (the beginning of) the request's digest.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def decide(
    run: str,
    choice: str,
    reason: str,
    values: tuple[str, ...],
    request: str,
    digest: str,
    code: bool,
    as_json: bool,
) -> None:
    """Say how a run goes on.

    Work by hand is `done`, or it could not be done (`fail`). A question for values gets an `answer`. A step
    that failed or is in doubt: `retry` it, `skip` it, `undo` what was done, say that it is `done` after all,
    or `abort` the run. Which of them a request takes stands in `stanch show`. RUN as there.
    """
    from stanch.cli.answering import Answer, give

    given = Answer(run, cast("Choice", choice), request, digest, reason, values=values, code=code)
    give(given, as_json=as_json)
