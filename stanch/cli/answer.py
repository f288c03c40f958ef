"""`stanch answer`: the values that a run asks for."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--digest", default="", help="Refuse if this is not (the beginning of) the request's digest.")
@click.option("--reason", default="", help="Why, for the timeline.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def answer(
    run: str, values: tuple[str, ...], request: str, digest: str, reason: str, code: bool, as_json: bool
) -> None:
    """Give a run the values that it asks for.

    A VALUE is read as an input of `stanch run` is. Without values, a terminal is asked for each of them. You
    are the login name, or STANCH_USER. RUN as in `stanch show`.
    """
    from stanch.cli.answering import Answer, give

    given = Answer(run, "answer", request, digest, reason, values=values, code=code)
    give(given, as_json=as_json)
